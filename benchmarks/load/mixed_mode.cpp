#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "benchmarks/load/call_source.hpp"
#include "benchmarks/load/loop_flags.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

struct MixedFlags {
    RigFlags rig;
    LoopFlags loop;
    Output output;
    std::string scenario;
    double duration = 30;
};

int run(const MixedFlags& flags, Bench& bench) {
    const auto scenario = read_scenario(flags.scenario);
    if (!scenario) return complain("the scenario is wrong\n" + scenario.error(), kUsage);
    auto options = flags.rig.options(false);
    if (!options) return complain(options.error(), kUsage);
    if (options->relay_to_relay || options->segments)
        return complain("mixed has neither --relay-to-relay nor --gso", kUsage);
    auto cpu = flags.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    options->allocations = scenario->members();
    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;

    const Instant start = bench.clock.now() + 1ms;
    LoopPlan plan = flags.loop.plan();
    plan.duration = from_seconds(flags.duration);
    CallSource source{rig.maker(), rig.link(), *rig.peers(), rig.options().framing,
                      *scenario,   start,      bench.clock};
    const OpenLoop::OnInterval on_interval = [&](const Interval& interval) {
        flags.output.interval(interval,
                              {.clients = rig.maker().ready(), .unit = "pps", .round_trip = false},
                              flags.loop.interval > 0);
    };
    const Measurement measurement =
        OpenLoop{source, plan, start, bench.clock, *cpu, bench.stop, on_interval}.run();
    rig.driver().close_all();

    Verdict verdict = judge(measurement, Purpose::Figures);
    if (measurement.failed > 0) verdict.reasons.push_back(rig.maker().failures().to_string());
    Json result;
    result["mode"] = "mixed";
    result["scenario"] = flags.scenario;
    result["server"] = rig.options().target.server.to_string();
    result["transport"] = to_string(rig.options().target.transport);
    result["framing"] = to_string(rig.options().framing);
    result["calls"] = source.calls();
    result["turned_away"] = source.turned_away();
    result["join"] = to_json(source.joins());
    result.update(to_json(measurement, verdict));
    const Histogram& joins = source.joins();
    flags.output.result(
        fmt::format("{} over {}, {}: {} calls of {}, {} turned away\n",
                    rig.options().target.server.to_string(),
                    to_string(rig.options().target.transport), flags.scenario, source.calls(),
                    scenario->calls.participants, source.turned_away()) +
            fmt::format("  joining   p50 {}, p99 {}, worst {} ({} people)\n",
                        duration_text(joins.percentile(50)), duration_text(joins.percentile(99)),
                        duration_text(joins.max()), joins.total()) +
            to_text(measurement, verdict),
        std::move(result));
    return exit_code_of(verdict);
}

}  // namespace

void add_mixed_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<MixedFlags>();
    CLI::App* mixed =
        app.add_subcommand("mixed", "calls that come and go, with audio and bursts of video");
    mixed->add_option("SCENARIO", flags->scenario, "what calls there are")
        ->required()
        ->type_name("FILE.toml");
    flags->rig.add_to(*mixed);
    mixed->remove_option(mixed->get_option("--allocations"));  // the scenario says how many
    flags->loop.add_to(*mixed);
    flags->output.add_to(*mixed);
    mixed->add_option("-t,--duration", flags->duration, "of the measurement")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    mixed->footer(
        "A scenario, with the defaults of what it leaves out:\n"
        "  [calls]\n"
        "  per_second = 1          # that begin\n"
        "  participants = 2        # of each; everybody has an allocation\n"
        "  live_max = 100          # at once; more are turned away\n"
        "  length = \"10s\"\n"
        "  [audio]\n"
        "  packets_per_second = 50\n"
        "  size = 160\n"
        "  [video]\n"
        "  share = 0.5             # of the participants\n"
        "  frames_per_second = 30\n"
        "  packets_per_frame = 6   # a burst\n"
        "  size = 1100\n\n" +
        std::string{kCommonFooter});
    mixed->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
