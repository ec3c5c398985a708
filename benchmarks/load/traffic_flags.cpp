#include "benchmarks/load/traffic_flags.hpp"

#include <CLI/CLI.hpp>

#include "benchmarks/load/payload.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {

void TrafficFlags::add_to(CLI::App& app) {
    app.add_option("--size", size, "bytes of payload")->capture_default_str()->type_name("BYTES")
        ->check(CLI::Range(Payload::kSizeMin, Payload::kSizeMax));
    app.add_option("--burst", burst, "packets of a flow that are due at once")->capture_default_str()->type_name("N")
        ->check(CLI::Range(1U, 1024U));
    app.add_option("--direction", direction, "to-peer, to-client or both: who sends")->capture_default_str()
        ->check(CLI::IsMember({"to-peer", "to-client", "both"}))->type_name("NAME");
    app.add_option("--peer", peer, "sink, or echo: the peers send everything back, and latency is the round trip")
        ->capture_default_str()->check(CLI::IsMember({"sink", "echo"}))->type_name("NAME");
    app.add_option("--warm-up", warm_up, "traffic before the measurement")->capture_default_str()->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--drain", drain, "quiet time after which a missing packet is lost")->capture_default_str()
        ->type_name("SECONDS")->check(CLI::PositiveNumber);
    app.add_option("-i,--interval", interval, "a line on stderr this often; 0: none")->capture_default_str()
        ->type_name("SECONDS")->check(CLI::NonNegativeNumber);
    app.add_flag("--spin", spin, "never sleep: exact times, for the price of a core");
    app.add_option("--server-pid", server_pid, "process of the server: its processor time gives packets per CPU-second")
        ->type_name("PID")->check(CLI::PositiveNumber);
    app.add_option("--server-core", server_core, "core that the server has for itself: all its time counts, interrupts included")
        ->type_name("N")->check(CLI::NonNegativeNumber);
}

std::expected<TrafficPlan, std::string> TrafficFlags::plan(bool segments) const {
    if (peer == "echo" && direction != "to-peer") return std::unexpected("--peer echo is for --direction to-peer: the way back is the echo");
    TrafficPlan plan{.size = size, .burst = burst};
    if (direction == "to-client") plan.direction = Direction::ToClient;
    if (direction == "both") plan.direction = Direction::Both;
    plan.echo = peer == "echo";
    plan.segments = segments;
    plan.spin = spin;
    plan.warm_up = from_seconds(warm_up);
    plan.drain = from_seconds(drain);
    if (interval > 0) plan.interval = from_seconds(interval);
    return plan;
}

std::expected<CpuMeter, std::string> TrafficFlags::meter() const {
    std::optional<int> pid;
    std::optional<unsigned> core;
    if (server_pid > 0) pid = server_pid;
    if (server_core >= 0) core = static_cast<unsigned>(server_core);
    return CpuMeter::watch(pid, core);
}

std::uint32_t senders(const TrafficPlan& plan, std::uint32_t allocations, bool relay_to_relay) noexcept {
    return !relay_to_relay && plan.direction == Direction::Both ? 2 * allocations : allocations;
}

}  // namespace turnpike::bench
