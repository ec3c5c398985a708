#include "benchmarks/load/verdict.hpp"

#include <fmt/format.h>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

constexpr std::uint64_t kDropsPart = 20;
constexpr double kSentMin = 0.99;
constexpr double kSlipPercentile = 99;
constexpr int kSlipPart = 4;
constexpr double kBusy = 0.95, kWaiting = 0.05;

void add_saturation(const Measurement& m, Purpose purpose, std::vector<std::string>& reasons) {
    const GeneratorHealth& generator = m.generator;
    const std::uint64_t lost = m.delivery.lost();
    if (generator.drops > 0 && lost > 0 && generator.drops * kDropsPart >= lost) {
        reasons.push_back(fmt::format(
            "this machine dropped {} datagrams before they were read, of {} that are missing",
            generator.drops, lost));
    }
    const double sent = static_cast<double>(m.delivery.sent + generator.refused),
                 planned = static_cast<double>(generator.planned);
    if (purpose == Purpose::Figures && sent < planned * kSentMin) {
        reasons.push_back(
            fmt::format("only {:.1f} % of the schedule was sent", 100 * sent / planned));
    }
    const Nanoseconds slip = generator.slip.percentile(kSlipPercentile),
                      latency = m.delivery.latency.percentile(kSlipPercentile);
    if (purpose == Purpose::Figures && slip > GeneratorHealth::kLate &&
        slip * kSlipPart >= latency) {
        reasons.push_back(fmt::format("{:.1f} % was sent more than 1 ms late (p99 {}, worst {})",
                                      100 * generator.late_share(), duration_text(slip),
                                      duration_text(generator.slip.max())));
    }
    if (reasons.empty()) return;
    const double waiting = m.elapsed.count() > 0 ? static_cast<double>(m.cpu.own_waiting.count()) /
                                                       static_cast<double>(m.elapsed.count())
                                                 : 0;
    if (generator.load > kBusy)
        reasons.push_back(
            fmt::format("the generator was busy {:.0f} % of the time", 100 * generator.load));
    if (waiting > kWaiting)
        reasons.push_back(fmt::format(
            "it waited {:.0f} % of the time for its core, which others used", 100 * waiting));
}

void add_imperfections(const Measurement& m, std::vector<std::string>& reasons) {
    const Delivery& d = m.delivery;
    if (d.lost() > 0)
        reasons.push_back(
            fmt::format("{} of {} packets were lost ({:.3f} %)", d.lost(), d.sent, 100 * d.loss()));
    if (d.duplicated > 0) reasons.push_back(fmt::format("{} packets came twice", d.duplicated));
    if (m.damaged > 0)
        reasons.push_back(fmt::format("{} packets were damaged or misdelivered", m.damaged));
    if (m.failed > 0)
        reasons.push_back(fmt::format("{} allocations or connections ended meanwhile", m.failed));
    if (m.generator.refused > 0) {
        reasons.push_back(fmt::format(
            "{} packets found no room in their connection: the server does not read as fast",
            m.generator.refused));
    }
}

}  // namespace

Verdict judge(const Measurement& measurement, Purpose purpose) {
    Verdict verdict;
    add_saturation(measurement, purpose, verdict.reasons);
    if (!verdict.reasons.empty()) {
        verdict.kind = Verdict::Kind::Saturated;
        return verdict;
    }
    add_imperfections(measurement, verdict.reasons);
    if (!measurement.clean()) verdict.kind = Verdict::Kind::Imperfect;
    return verdict;
}

std::string_view to_string(Verdict::Kind kind) noexcept {
    switch (kind) {
        case Verdict::Kind::Clean:
            return "clean";
        case Verdict::Kind::Imperfect:
            return "imperfect";
        case Verdict::Kind::Saturated:
            return "generator saturated";
    }
    return "?";
}

}  // namespace turnpike::bench
