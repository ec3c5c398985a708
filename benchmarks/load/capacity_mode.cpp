#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "benchmarks/load/capacity_search.hpp"
#include "benchmarks/load/environment.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/service_level.hpp"
#include "benchmarks/load/traffic_flags.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

// Of the rate that a step is about: with less it says nothing of that rate.
constexpr double kReached = 0.97;

struct CapacityFlags {
    RigFlags rig;
    TrafficFlags traffic;
    Output output;
    std::vector<std::string> levels{"loss<0.1%"};
    double first = 10000, step = 1.5, highest = 1e7, resolution = 5, duration = 3;
};

// One rate: what it gave, and whether it passes.
struct Step {
    double rate = 0;
    Measurement measurement;
    Verdict verdict;
    std::string broken;  // the service level that did not hold
};

Json to_json(const Step& step) {
    const Measurement& m = step.measurement;
    Json json;
    json["offered_packets_per_second"] = step.rate;
    json["packets_per_second"] = m.rate();
    json["loss"] = m.delivery.loss();
    json["p50_us"] = as_microseconds(m.delivery.latency.percentile(50));
    json["p99_us"] = as_microseconds(m.delivery.latency.percentile(99));
    json["verdict"] = to_string(step.verdict.kind);
    json["broken"] = step.broken;
    json["generator_load"] = m.generator.load;
    if (const auto cost = m.per_cpu_second()) json["packets_per_cpu_second"] = *cost;
    return json;
}

std::string to_text(const Step& step) {
    const Measurement& m = step.measurement;
    std::string out =
        fmt::format("{:>9}pps  loss {:.3f}%  p50 {} p99 {}  gen-cpu {:.0f}%", rate_text(step.rate),
                    100 * m.delivery.loss(), duration_text(m.delivery.latency.percentile(50)),
                    duration_text(m.delivery.latency.percentile(99)), 100 * m.generator.load);
    if (const auto cost = m.per_cpu_second())
        out += fmt::format("  {}packets per CPU-second", rate_text(*cost));
    if (step.verdict.kind == Verdict::Kind::Saturated) return out + "  generator saturated";
    return out + (step.broken.empty() ? "  passes" : "  breaks " + step.broken);
}

int run(const CapacityFlags& flags, Bench& bench) {
    std::vector<ServiceLevel> levels;
    for (const std::string& text : flags.levels) {
        auto level = ServiceLevel::parse(text);
        if (!level) return complain(level.error(), kUsage);
        levels.push_back(std::move(*level));
    }
    const bool lines =
        !flags.output.json && !flags.output.stream && flags.traffic.loop.interval > 0;
    auto options = flags.rig.options(lines);
    if (!options) return complain(options.error(), kUsage);
    auto plan = flags.traffic.plan(flags.rig.segments);
    if (!plan) return complain(plan.error(), kUsage);
    auto cpu = flags.traffic.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    plan->loop.duration = from_seconds(flags.duration);

    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;
    if (auto made = rig.driver().make_all(); !made) {
        rig.driver().close_all();
        return complain(made.error(), kUnreachable);
    }
    Traffic traffic = rig.traffic(*cpu);
    CapacitySearch search{{.first = flags.first,
                           .step = flags.step,
                           .highest = flags.highest,
                           .resolution = flags.resolution / 100}};
    Json steps = Json::array();
    bool saturated = false;
    std::optional<double> best_cost;
    for (auto rate = search.next(); rate && bench.stop == 0; rate = search.next()) {
        plan->packets_per_second = *rate;
        Step step{.rate = *rate, .measurement = traffic.run(*plan), .verdict = {}, .broken = {}};
        step.verdict = judge(step.measurement, Purpose::Figures);
        step.broken = first_broken(levels, step.measurement);
        if (lines) fmt::print(stderr, "{}\n", to_text(step));
        if (flags.output.stream) {
            Json line = to_json(step);
            line["type"] = "step";
            fmt::print("{}\n", line.dump());
            std::fflush(stdout);
        }
        steps.push_back(to_json(step));
        // Where the levels hold at the rate that was asked for, a generator in trouble has shown that
        // the server can do it all the same. Where it did not reach that rate, or they do not hold
        // and it was in trouble, it is to blame for the bound.
        const bool holds = step.broken.empty() && step.measurement.generator.refused == 0;
        const bool passes = holds && step.measurement.rate() >= kReached * step.rate;
        if (passes)
            best_cost = step.measurement.per_cpu_second();
        else
            saturated = holds || step.verdict.kind == Verdict::Kind::Saturated;
        search.told(passes);
    }
    rig.driver().close_all();

    Json result;
    result["mode"] = "find-capacity";
    result["server"] = rig.options().target.server.to_string();
    result["transport"] = to_string(rig.options().target.transport);
    result["framing"] = to_string(rig.options().framing);
    result["allocations"] = rig.options().allocations;
    result["direction"] = rig.options().relay_to_relay ? "relay-to-relay" : flags.traffic.direction;
    result["peer"] = rig.options().relay_to_relay ? "relay" : flags.traffic.peer;
    result["size_bytes"] = plan->size;
    result["burst"] = plan->burst;
    result["slo"] = flags.levels;
    result["capacity_packets_per_second"] = search.best();
    if (search.worst()) result["fails_at_packets_per_second"] = *search.worst();
    if (best_cost) result["packets_per_cpu_second"] = *best_cost;
    result["verdict"] = saturated ? to_string(Verdict::Kind::Saturated)
                                  : (search.best() > 0 ? "found" : "nothing passed");
    result["steps"] = std::move(steps);
    result["environment"] = read_environment();
    std::string text =
        search.best() > 0
            ? fmt::format("capacity  {}packets/s ({} allocations, {} bytes",
                          rate_text(search.best()), rig.options().allocations, plan->size)
            : fmt::format("capacity  nothing passed (down to {}packets/s",
                          rate_text(search.worst().value_or(flags.first)));
    for (const ServiceLevel& level : levels) text += ", " + level.text();
    text += ")\n";
    if (saturated) text += "RESULT INVALID: generator saturated: the server may do more\n";
    flags.output.result(text, std::move(result));
    if (saturated) return kSaturated;
    return search.best() > 0 ? kOk : kNotClean;
}

}  // namespace

void add_capacity_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<CapacityFlags>();
    CLI::App* capacity =
        app.add_subcommand("find-capacity", "the highest rate at which service levels hold");
    flags->rig.add_to(*capacity);
    flags->traffic.add_to(*capacity);
    flags->output.add_to(*capacity);
    capacity->add_option("--slo", flags->levels, "loss<0.1%, p99<5ms, …; several may be given")
        ->capture_default_str()
        ->type_name("LEVEL");
    capacity
        ->add_option("--from", flags->first,
                     "first rate, in packets per second of all senders together")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1.0, 1e8));
    capacity->add_option("--step", flags->step, "factor from rate to rate until one fails")
        ->capture_default_str()
        ->type_name("X")
        ->check(CLI::Range(1.01, 10.0));
    capacity->add_option("--up-to", flags->highest, "highest rate")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1.0, 1e8));
    capacity
        ->add_option("--resolution", flags->resolution,
                     "how close to the end of what passes, in percent")
        ->capture_default_str()
        ->type_name("PERCENT")
        ->check(CLI::Range(0.1, 50.0));
    capacity->add_option("-t,--duration", flags->duration, "of each rate")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    capacity->footer(
        "Example:\n  turnpike-bench find-capacity --secret-file F --allocations 1000 --size 120 "
        "--slo 'loss<0.1%' --slo 'p99<5ms' --warm-up 0.5\n\n" +
        std::string{kCommonFooter});
    capacity->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
