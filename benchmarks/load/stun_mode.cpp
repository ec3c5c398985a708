#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "benchmarks/load/binding_source.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig.hpp"
#include "benchmarks/load/target_flags.hpp"
#include "benchmarks/load/traffic_flags.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

struct StunFlags {
    TargetFlags target;
    LoopFlags loop;
    Output output;
    std::uint32_t clients = 100;
    std::string client_addresses;
    double rate = 10000, duration = 10;
};

int run(const StunFlags& flags, Bench& bench) {
    auto target = flags.target.target(TargetFlags::Credentials::NotNeeded);
    if (!target) return complain(target.error(), kUsage);
    const auto block = address_block("--client-addresses", flags.client_addresses);
    if (!block) return complain(block.error(), kUsage);
    auto cpu = flags.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    LoopPlan plan = flags.loop.plan();
    plan.duration = from_seconds(flags.duration);

    auto link = open_link(*target, flags.clients, *block, false, 10s);
    if (!link) return complain(link.error(), kUnreachable);
    for (std::uint32_t i = 0; i < flags.clients; ++i) {
        if (auto opened = (*link)->open(i); !opened) return complain(opened.error(), kUnreachable);
    }
    const Instant start = bench.clock.now() + 1ms;
    BindingSource source{**link, flags.clients, flags.rate, start, bench.clock};
    const OpenLoop::OnInterval on_interval = [&](const Interval& interval) {
        flags.output.interval(interval,
                              {.clients = flags.clients, .unit = "answers/s", .round_trip = true},
                              flags.loop.interval > 0);
    };
    const Measurement measurement =
        OpenLoop{source, plan, start, bench.clock, *cpu, bench.stop, on_interval}.run();

    const Verdict verdict = judge(measurement, Purpose::Figures);
    Json result;
    result["mode"] = "stun";
    result["server"] = target->server.to_string();
    result["transport"] = to_string(target->transport);
    result["clients"] = flags.clients;
    result["offered_packets_per_second"] = flags.rate;
    result.update(to_json(measurement, verdict));
    flags.output.result(
        fmt::format("{} over {}, {} clients, {}Binding requests/s\n", target->server.to_string(),
                    to_string(target->transport), flags.clients, rate_text(flags.rate)) +
            to_text(measurement, verdict,
                    {.things = "requests", .rate = "answers/s", .flows = false}),
        std::move(result));
    return exit_code_of(verdict);
}

}  // namespace

void add_stun_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<StunFlags>();
    CLI::App* stun = app.add_subcommand("stun", "Binding requests at a fixed rate");
    flags->target.add_to(*stun);
    flags->loop.add_to(*stun);
    flags->output.add_to(*stun);
    stun->add_option("--clients", flags->clients, "5-tuples that they come from")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1U, 1'000'000U));
    stun->add_option("--client-addresses", flags->client_addresses,
                     "addresses that UDP clients send from; default 127.1.0.0/16 towards loopback")
        ->type_name("CIDR");
    stun->add_option("--rate", flags->rate, "requests per second of all clients together")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(0.1, 1e8));
    stun->add_option("-t,--duration", flags->duration, "of the measurement")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    stun->footer(
        "Example:\n  turnpike-bench stun --server 127.0.0.1:3478 --rate 200000 --server-pid "
        "4711\n\n" +
        std::string{kCommonFooter});
    stun->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
