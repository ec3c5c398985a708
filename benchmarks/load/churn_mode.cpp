#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>

#include "benchmarks/load/loop_flags.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/setup_source.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

// Members beyond the live ones, in seconds of the rate: set-ups may take that long before they run
// out.
constexpr double kSpare = 5;

struct ChurnFlags {
    RigFlags rig;
    LoopFlags loop;
    Output output;
    double rate = 100, duration = 10;
};

int run(const ChurnFlags& flags, Bench& bench) {
    auto options = flags.rig.options(false);
    if (!options) return complain(options.error(), kUsage);
    if (options->relay_to_relay)
        return complain("churn has no --relay-to-relay: members come and go one by one", kUsage);
    auto cpu = flags.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    const std::uint32_t live = options->allocations;
    options->allocations += static_cast<std::uint32_t>(std::ceil(flags.rate * kSpare));
    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;

    const Instant start = bench.clock.now() + 1ms;
    LoopPlan plan = flags.loop.plan();
    plan.duration = from_seconds(flags.duration);
    SetupSource source{rig.maker(),
                       rig.link(),
                       {.rate = flags.rate, .window = 0, .live = live},
                       start,
                       bench.clock};
    const OpenLoop::OnInterval on_interval = [&](const Interval& interval) {
        flags.output.interval(interval, {.clients = live, .unit = "set-ups/s", .round_trip = true},
                              flags.loop.interval > 0);
    };
    const Measurement measurement =
        OpenLoop{source, plan, start, bench.clock, *cpu, bench.stop, on_interval}.run();
    const std::size_t left = rig.maker().ready();
    const std::uint64_t ended = source.closed();  // those that are ended now are no churn
    rig.driver().close_all();

    Verdict verdict = judge(measurement, Purpose::Figures);
    if (measurement.failed > 0) verdict.reasons.push_back(rig.maker().failures().to_string());
    Json result;
    result["mode"] = "churn";
    result["server"] = rig.options().target.server.to_string();
    result["transport"] = to_string(rig.options().target.transport);
    result["live"] = left;
    result["live_wanted"] = live;
    result["ended"] = ended;
    result["offered_setups_per_second"] = flags.rate;
    result["retransmissions"] = rig.maker().retransmissions();
    result.update(to_json(measurement, verdict));
    flags.output.result(
        fmt::format("{} over {}, {}set-ups/s with {} live\n",
                    rig.options().target.server.to_string(),
                    to_string(rig.options().target.transport), rate_text(flags.rate), live) +
            to_text(measurement, verdict,
                    {.things = "set-ups", .rate = "set-ups/s", .flows = false}) +
            fmt::format("  ended     {} allocations, {} live at the end\n", ended, left),
        std::move(result));
    return exit_code_of(verdict);
}

}  // namespace

void add_churn_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<ChurnFlags>();
    CLI::App* churn =
        app.add_subcommand("churn", "allocations come and go at a rate, with --allocations live");
    flags->rig.add_to(*churn);
    flags->loop.add_to(*churn);
    flags->output.add_to(*churn);
    churn->add_option("--rate", flags->rate, "set-ups per second")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(0.1, 1e6));
    churn->add_option("-t,--duration", flags->duration, "of the measurement")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    churn->footer(
        "Example:\n  turnpike-bench churn --secret-file F --allocations 1000 --rate 500 -t 30\n\n" +
        std::string{kCommonFooter});
    churn->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
