#include "benchmarks/load/measurement_text.hpp"

#include <fmt/format.h>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {

std::string to_text(const Interval& i, const LineWording& wording) {
    std::string out = fmt::format("[{:5.1f}-{:.1f}s] {} clients  {}{}  ", i.from, i.to,
                                  wording.clients, rate_text(i.rate()), wording.unit);
    if (i.bytes > 0)
        out += fmt::format("{}bit/s  ", rate_text(8 * static_cast<double>(i.bytes) / i.seconds()));
    out += fmt::format("loss {:.3f}%  {} p50 {} p99 {} p99.9 {}  gen-cpu {:.0f}%", 100 * i.loss(),
                       wording.round_trip ? "rtt" : "one-way", duration_text(i.p50),
                       duration_text(i.p99), duration_text(i.p999), 100 * i.generator_load);
    if (i.server_load) out += fmt::format("  server-cpu {:.0f}%", 100 * *i.server_load);
    return out;
}

std::string to_text(const Measurement& m, const Verdict& verdict, const Wording& wording) {
    const Delivery& d = m.delivery;
    const Histogram& latency = d.latency;
    std::string out = fmt::format("  {:<9} sent {}, received {}, lost {} ({:.3f} %)",
                                  wording.things, d.sent, d.received, d.lost(), 100 * d.loss());
    if (wording.flows)
        out += fmt::format(", duplicated {}, reordered {}, damaged {}", d.duplicated, d.reordered,
                           m.damaged);
    out += fmt::format("\n  rate      {}{} in {:.2f} s\n", rate_text(m.rate()), wording.rate,
                       m.seconds());
    out += fmt::format("  latency   p50 {}, p90 {}, p99 {}, p99.9 {}, worst {}",
                       duration_text(latency.percentile(50)), duration_text(latency.percentile(90)),
                       duration_text(latency.percentile(99)),
                       duration_text(latency.percentile(99.9)), duration_text(latency.max()));
    if (wording.flows)
        out += fmt::format("; jitter {} (worst flow {})", duration_text(m.jitter_mean),
                           duration_text(m.jitter_max));
    out += '\n';
    out += fmt::format(
        "  generator {:.0f} % busy, {:.2f} % sent over 1 ms late (worst {}), {} datagrams dropped "
        "here\n",
        100 * m.generator.load, 100 * m.generator.late_share(),
        duration_text(m.generator.slip.max()), m.generator.drops);
    if (m.cpu.server)
        out += fmt::format("  server    {:.3f} s of processor time in its threads\n",
                           as_seconds(*m.cpu.server));
    if (m.cpu.core) {
        out += fmt::format(
            "  core      busy {:.3f} s (user {:.3f}, system {:.3f}, interrupts {:.3f}; ksoftirqd "
            "{:.3f})\n",
            as_seconds(m.cpu.core->busy), as_seconds(m.cpu.core->user),
            as_seconds(m.cpu.core->system), as_seconds(m.cpu.core->interrupts),
            as_seconds(m.cpu.core->softirqd));
    }
    if (const auto rate = m.per_cpu_second())
        out += fmt::format("  cost      {}{} per CPU-second\n", rate_text(*rate), wording.things);
    switch (verdict.kind) {
        case Verdict::Kind::Clean:
            out += "  verdict   clean: everything came, once and intact\n";
            break;
        case Verdict::Kind::Imperfect:
            out += "  verdict   NOT CLEAN\n";
            break;
        case Verdict::Kind::Saturated:
            out += "  verdict   RESULT INVALID: generator saturated\n";
            break;
    }
    for (const std::string& reason : verdict.reasons) out += "            " + reason + "\n";
    return out;
}

}  // namespace turnpike::bench
