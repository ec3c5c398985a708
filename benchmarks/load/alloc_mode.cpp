#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "benchmarks/load/loop_flags.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/process_memory.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/setup_source.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

struct AllocFlags {
    RigFlags rig;
    LoopFlags loop;
    Output output;
    double hold = 0;
};

Json growth(const ProcessMemory& before, const ProcessMemory& after, std::size_t allocations) {
    const auto each = [&](std::uint64_t from, std::uint64_t to) {
        return (static_cast<double>(to) - static_cast<double>(from)) /
               static_cast<double>(std::max<std::size_t>(allocations, 1));
    };
    Json json;
    json["resident_bytes_per_allocation"] = each(before.resident_bytes, after.resident_bytes);
    json["kernel_slab_bytes_per_allocation"] =
        each(before.kernel_slab_bytes, after.kernel_slab_bytes);
    json["descriptors_per_allocation"] = each(before.descriptors, after.descriptors);
    return json;
}

int run(const AllocFlags& flags, Bench& bench) {
    auto options = flags.rig.options(false);
    if (!options) return complain(options.error(), kUsage);
    auto cpu = flags.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;

    const auto before = read_memory(flags.loop.server());
    const Instant start = bench.clock.now();
    LoopPlan plan = flags.loop.plan();
    plan.warm_up = {};  // each member is set up once: what came before would be missing
    SetupSource source{rig.maker(),
                       rig.link(),
                       {.rate = 0, .window = flags.rig.window, .live = 0},
                       start,
                       bench.clock};
    const OpenLoop::OnInterval on_interval = [&](const Interval& interval) {
        flags.output.interval(
            interval,
            {.clients = rig.options().allocations, .unit = "set-ups/s", .round_trip = true},
            flags.loop.interval > 0);
    };
    const Measurement measurement =
        OpenLoop{source, plan, start, bench.clock, *cpu, bench.stop, on_interval}.run();
    const std::size_t made = rig.maker().ready();
    for (const Instant until = bench.clock.now() + from_seconds(flags.hold);
         bench.stop == 0 && bench.clock.now() < until;)
        rig.driver().turn(until);
    const auto after = read_memory(flags.loop.server());
    rig.driver().close_all();

    Verdict verdict = judge(measurement, Purpose::Delivery);
    if (measurement.failed > 0) verdict.reasons.push_back(rig.maker().failures().to_string());
    Json result;
    result["mode"] = "alloc";
    result["server"] = rig.options().target.server.to_string();
    result["transport"] = to_string(rig.options().target.transport);
    result["allocations"] = rig.options().allocations;
    result["window"] = flags.rig.window;
    result["made"] = made;
    result["retransmissions"] = rig.maker().retransmissions();
    result.update(to_json(measurement, verdict));
    std::string text =
        fmt::format("{} over {}, {} allocations, {} at once\n",
                    rig.options().target.server.to_string(),
                    to_string(rig.options().target.transport), rig.options().allocations,
                    flags.rig.window) +
        to_text(measurement, verdict, {.things = "set-ups", .rate = "set-ups/s", .flows = false});
    if (before && after && made > 0) {
        const Json each = growth(*before, *after, made);
        result["memory"] = each;
        text += fmt::format(
            "  memory    {:.0f} bytes of the process, {:.0f} of the kernel, {:.2f} descriptors "
            "each\n",
            each["resident_bytes_per_allocation"].get<double>(),
            each["kernel_slab_bytes_per_allocation"].get<double>(),
            each["descriptors_per_allocation"].get<double>());
    }
    flags.output.result(text, std::move(result));
    return made == 0 ? kUnreachable : exit_code_of(verdict);
}

}  // namespace

void add_alloc_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<AllocFlags>();
    CLI::App* alloc = app.add_subcommand(
        "alloc",
        "authenticated set-ups as fast as the server takes them: 401, Allocate, ChannelBind");
    flags->rig.add_to(*alloc);
    flags->loop.add_to(*alloc);
    flags->output.add_to(*alloc);
    alloc
        ->add_option(
            "--hold", flags->hold,
            "time that the allocations idle before their memory is read (with --server-pid)")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    alloc->footer(
        "Example:\n  turnpike-bench alloc --secret-file F --allocations 10000 --window 64 "
        "--server-pid 4711\n\n" +
        std::string{kCommonFooter});
    alloc->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
