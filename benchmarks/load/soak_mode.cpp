#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "benchmarks/load/environment.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/process_memory.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/traffic_flags.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

struct SoakFlags {
    RigFlags rig;
    TrafficFlags traffic;
    Output output;
    double rate = 50, duration = 3600, segment = 60;
};

// One stretch of traffic, and what the server holds after it.
struct Segment {
    double from = 0, to = 0;
    Measurement measurement;
    Verdict verdict;
    std::optional<ProcessMemory> memory;
};

Json to_json(const Segment& segment) {
    const Measurement& m = segment.measurement;
    Json json;
    json["from_s"] = segment.from;
    json["to_s"] = segment.to;
    json["sent"] = m.delivery.sent;
    json["received"] = m.delivery.received;
    json["lost"] = m.delivery.lost();
    json["packets_per_second"] = m.rate();
    json["p50_us"] = as_microseconds(m.delivery.latency.percentile(50));
    json["p99_us"] = as_microseconds(m.delivery.latency.percentile(99));
    json["failed"] = m.failed;
    json["verdict"] = to_string(segment.verdict.kind);
    json["generator_load"] = m.generator.load;
    if (const auto cost = m.per_cpu_second()) json["packets_per_cpu_second"] = *cost;
    if (segment.memory) {
        json["server_resident_bytes"] = segment.memory->resident_bytes;
        json["server_descriptors"] = segment.memory->descriptors;
    }
    return json;
}

std::string to_text(const Segment& segment) {
    const Measurement& m = segment.measurement;
    std::string out =
        fmt::format("[{:7.0f}-{:.0f}s] {}pps  loss {:.3f}%  p50 {} p99 {}", segment.from,
                    segment.to, rate_text(m.rate()), 100 * m.delivery.loss(),
                    duration_text(m.delivery.latency.percentile(50)),
                    duration_text(m.delivery.latency.percentile(99)));
    if (segment.memory) {
        out += fmt::format("  server {:.1f} MiB, {} descriptors",
                           static_cast<double>(segment.memory->resident_bytes) / (1 << 20),
                           segment.memory->descriptors);
    }
    if (m.failed > 0) out += fmt::format("  {} FAILED", m.failed);
    return out + "  " + std::string{to_string(segment.verdict.kind)};
}

int run(const SoakFlags& flags, Bench& bench) {
    const bool lines =
        !flags.output.json && !flags.output.stream && flags.traffic.loop.interval > 0;
    auto options = flags.rig.options(lines);
    if (!options) return complain(options.error(), kUsage);
    auto plan = flags.traffic.plan(flags.rig.segments);
    if (!plan) return complain(plan.error(), kUsage);
    auto cpu = flags.traffic.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    plan->packets_per_second =
        flags.rate * senders(*plan, options->allocations, options->relay_to_relay);

    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;
    if (auto made = rig.driver().make_all(); !made) {
        rig.driver().close_all();
        return complain(made.error(), kUnreachable);
    }
    Traffic traffic = rig.traffic(*cpu);
    const Instant start = bench.clock.now();
    std::vector<Segment> segments;
    for (double done = 0; done < flags.duration && bench.stop == 0;
         done = as_seconds(bench.clock.now() - start)) {
        plan->loop.duration = from_seconds(std::min(flags.segment, flags.duration - done));
        Segment segment{.from = done,
                        .to = 0,
                        .measurement = traffic.run(*plan),
                        .verdict = {},
                        .memory = read_memory(flags.traffic.loop.server())};
        segment.to = as_seconds(bench.clock.now() - start);
        segment.verdict = judge(segment.measurement, Purpose::Delivery);
        segment.measurement.intervals.clear();
        if (lines) fmt::print(stderr, "{}\n", to_text(segment));
        if (flags.output.stream) {
            Json line = to_json(segment);
            line["type"] = "segment";
            fmt::print("{}\n", line.dump());
            std::fflush(stdout);
        }
        segments.push_back(std::move(segment));
    }
    const std::string failures = rig.maker().failures().to_string();
    rig.driver().close_all();

    Delivery total;
    std::uint64_t failed = 0;
    auto worst = Verdict::Kind::Clean;
    Json list = Json::array();
    for (const Segment& segment : segments) {
        total.add(segment.measurement.delivery);
        failed += segment.measurement.failed;
        worst = std::max(worst, segment.verdict.kind);
        list.push_back(to_json(segment));
    }
    Json result;
    result["mode"] = "soak";
    result["server"] = rig.options().target.server.to_string();
    result["transport"] = to_string(rig.options().target.transport);
    result["allocations"] = rig.options().allocations;
    result["size_bytes"] = plan->size;
    result["offered_packets_per_second"] = plan->packets_per_second;
    result["verdict"] = to_string(worst);
    result["sent"] = total.sent;
    result["received"] = total.received;
    result["lost"] = total.lost();
    result["loss"] = total.loss();
    result["duplicated"] = total.duplicated;
    result["failed"] = failed;
    result["latency"] = to_json(total.latency);
    std::string text = fmt::format(
        "{} over {}, {} allocations, {}packets/s: sent {}, lost {} ({:.4f} %), duplicated {}, {} "
        "allocations failed\n",
        rig.options().target.server.to_string(), to_string(rig.options().target.transport),
        rig.options().allocations, rate_text(plan->packets_per_second), total.sent, total.lost(),
        100 * total.loss(), total.duplicated, failed);
    if (!failures.empty()) text += failures + "\n";
    // What a server keeps growing by shows between the first and the last stretch: its caches are
    // warm after the first.
    if (segments.size() > 1 && segments.front().memory && segments.back().memory) {
        const auto growth = static_cast<double>(segments.back().memory->resident_bytes) -
                            static_cast<double>(segments.front().memory->resident_bytes);
        const auto descriptors = static_cast<double>(segments.back().memory->descriptors) -
                                 static_cast<double>(segments.front().memory->descriptors);
        result["server_growth_bytes"] = growth;
        result["server_growth_descriptors"] = descriptors;
        text += fmt::format(
            "  server    grew by {:.2f} MiB and {} descriptors since the first {:.0f} s\n",
            growth / (1 << 20), descriptors, flags.segment);
    }
    text += fmt::format("  verdict   {}\n", to_string(worst));
    result["intervals"] = std::move(list);
    result["environment"] = read_environment();
    flags.output.result(text, std::move(result));
    return exit_code_of({.kind = worst, .reasons = {}});
}

}  // namespace

void add_soak_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<SoakFlags>();
    CLI::App* soak = app.add_subcommand(
        "soak", "the same allocations for hours: refreshes, loss, and what the server grows by");
    flags->rig.add_to(*soak);
    flags->traffic.add_to(*soak);
    flags->output.add_to(*soak);
    soak->add_option("--rate", flags->rate, "packets per second of each sender")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(0.01, 1e7));
    soak->add_option("-t,--duration", flags->duration, "of all")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    soak->add_option("--segment", flags->segment,
                     "stretch that is judged by itself, with a line of its own")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    soak->footer(
        "Example:\n  turnpike-bench soak --secret-file F --allocations 500 -t 86400 --segment 600 "
        "--server-pid 4711 --json-stream >soak.json\n\n" +
        std::string{kCommonFooter});
    soak->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
