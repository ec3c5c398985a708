#include "benchmarks/load/traffic_flags.hpp"

#include <CLI/CLI.hpp>

#include "benchmarks/load/payload.hpp"

namespace turnpike::bench {

void TrafficFlags::add_to(CLI::App& app) {
    app.add_option("--size", size, "bytes of payload")
        ->capture_default_str()
        ->type_name("BYTES")
        ->check(CLI::Range(Payload::kSizeMin, Payload::kSizeMax));
    app.add_option("--burst", burst, "packets of a flow that are due at once")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1U, 1024U));
    app.add_option("--direction", direction, "to-peer, to-client or both: who sends")
        ->capture_default_str()
        ->check(CLI::IsMember({"to-peer", "to-client", "both"}))
        ->type_name("NAME");
    app.add_option("--peer", peer,
                   "sink, or echo: the peers send everything back, and latency is the round trip")
        ->capture_default_str()
        ->check(CLI::IsMember({"sink", "echo"}))
        ->type_name("NAME");
    loop.add_to(app);
}

std::expected<TrafficPlan, std::string> TrafficFlags::plan(bool segments) const {
    if (peer == "echo" && direction != "to-peer")
        return std::unexpected("--peer echo is for --direction to-peer: the way back is the echo");
    TrafficPlan plan;
    plan.size = size;
    plan.burst = burst;
    if (direction == "to-client") plan.direction = Direction::ToClient;
    if (direction == "both") plan.direction = Direction::Both;
    plan.echo = peer == "echo";
    plan.segments = segments;
    plan.loop = loop.plan();
    return plan;
}

std::uint32_t senders(const TrafficPlan& plan, std::uint32_t allocations,
                      bool relay_to_relay) noexcept {
    return !relay_to_relay && plan.direction == Direction::Both ? 2 * allocations : allocations;
}

}  // namespace turnpike::bench
