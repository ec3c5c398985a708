#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/traffic_flags.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

constexpr double kDurationUsual = 10;

struct RelayFlags {
    RigFlags rig;
    TrafficFlags traffic;
    Output output;
    std::uint64_t packets = 0;
    double rate = 50, pps = 0, duration = -1;
    bool direct = false;
};

std::string headline(const RigOptions& rig, const TrafficPlan& plan, const TrafficFlags& flags) {
    return fmt::format(
        "{} over {}, {}, {} allocations, {}, {} bytes, {}packets/s{}\n",
        rig.direct ? "direct" : rig.target.server.to_string(), to_string(rig.target.transport), to_string(rig.framing),
        rig.allocations,
        rig.relay_to_relay ? "relay to relay" : (plan.echo ? "echo" : flags.direction), plan.size,
        rate_text(plan.packets_per_second),
        plan.burst > 1 ? fmt::format(" in bursts of {}", plan.burst) : "");
}

Json describe(const RigOptions& rig, const TrafficPlan& plan, const TrafficFlags& flags) {
    Json json;
    json["mode"] = "relay";
    json["server"] = rig.direct ? "none" : rig.target.server.to_string();
    json["transport"] = to_string(rig.target.transport);
    json["framing"] = to_string(rig.framing);
    json["allocations"] = rig.allocations;
    json["direction"] = rig.relay_to_relay ? "relay-to-relay" : flags.direction;
    json["peer"] = rig.relay_to_relay ? "relay" : flags.peer;
    json["size_bytes"] = plan.size;
    json["offered_packets_per_second"] = plan.packets_per_second;
    json["burst"] = plan.burst;
    json["segments"] = plan.segments;
    return json;
}

int run(const RelayFlags& flags, Bench& bench) {
    auto options = flags.rig.options(!flags.output.json && !flags.output.stream &&
                                     flags.traffic.loop.interval > 0);
    if (!options) return complain(options.error(), kUsage);
    auto plan = flags.traffic.plan(flags.rig.segments);
    if (!plan) return complain(plan.error(), kUsage);
    auto cpu = flags.traffic.loop.meter();
    if (!cpu) return complain(cpu.error(), kUsage);
    plan->packets_per_second =
        flags.pps > 0 ? flags.pps
                      : flags.rate * senders(*plan, options->allocations, options->relay_to_relay);
    plan->packets_per_flow = flags.packets;
    const bool counted = flags.packets > 0;
    plan->loop.duration =
        from_seconds(flags.duration >= 0 ? flags.duration : (counted ? 0 : kDurationUsual));

    if (flags.direct) {
        if (options->target.transport != Transport::Udp || options->framing != Framing::Channels || options->relay_to_relay ||
            options->segments || plan->echo || plan->direction != Direction::ToPeer) {
            return complain("--direct is for UDP, channels and --direction to-peer", kUsage);
        }
        options->direct = true;
    }
    auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
    if (!opened) return complain(opened.error(), kUnreachable);
    Rig& rig = **opened;
    if (auto made = rig.make_fleet(); !made) {
        rig.driver().close_all();
        return complain(made.error(), kUnreachable);
    }
    Traffic traffic = rig.traffic(*cpu);
    traffic.on_interval([&](const Interval& interval) {
        flags.output.interval(
            interval,
            {.clients = rig.options().allocations, .unit = "pps", .round_trip = plan->echo},
            flags.traffic.loop.interval > 0);
    });
    const Measurement measurement = traffic.run(*plan);
    rig.driver().close_all();

    const Verdict verdict = judge(measurement, counted ? Purpose::Delivery : Purpose::Figures);
    Json result = describe(rig.options(), *plan, flags.traffic);
    result.update(to_json(measurement, verdict));
    flags.output.result(
        headline(rig.options(), *plan, flags.traffic) + to_text(measurement, verdict),
        std::move(result));
    return exit_code_of(verdict);
}

}  // namespace

void add_relay_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<RelayFlags>();
    CLI::App* relay = app.add_subcommand(
        "relay", "payload through allocations at a fixed rate, every packet judged");
    flags->rig.add_to(*relay);
    flags->traffic.add_to(*relay);
    flags->output.add_to(*relay);
    auto* pps = relay->add_option("--pps", flags->pps, "packets per second of all senders together")
                    ->type_name("N")
                    ->check(CLI::Range(0.1, 1e8));
    relay->add_option("--rate", flags->rate, "packets per second of each sender")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(0.01, 1e7))
        ->excludes(pps);
    relay
        ->add_option("--packets", flags->packets,
                     "packets of each sender; then delivery is what is judged")
        ->type_name("N");
    relay
        ->add_option("-t,--duration", flags->duration,
                     "of the measurement; 0: until the packets are sent, or Ctrl-C. Default 10, or "
                     "0 with --packets")
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    relay->add_flag("--direct", flags->direct,
                    "no server: from client to peer straight, to compare the relay's latency with that of what routes in between");
    relay->footer(std::string{"Examples:\n"
                              "  turnpike-bench relay --secret-file build/run/turn-secret "
                              "--allocations 1000 --pps 100000 --size 120 --warm-up 1\n"
                              "  turnpike-bench relay --secret-file F --direction both --pps "
                              "200000 --burst 8 --server-pid 4711 --json\n"
                              "  turnpike-bench relay --secret-file F --relay-to-relay "
                              "--allocations 2 --packets 1000 --rate 500\n"
                              "  turnpike-bench relay --server [::1]:5349 --transport tls "
                              "--insecure --user alice --password wonderland\n\n"} +
                  std::string{kCommonFooter});
    relay->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
