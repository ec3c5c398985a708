#pragma once

#include <expected>
#include <string>

#include "benchmarks/load/loop_flags.hpp"
#include "benchmarks/load/traffic.hpp"

namespace CLI {
class App;
}

namespace turnpike::bench {

/// The flags that describe traffic.
struct TrafficFlags {
    std::size_t size = 160;
    unsigned burst = 1;
    std::string direction = "to-peer", peer = "sink";
    LoopFlags loop;

    void add_to(CLI::App& app);
    /// All but the rate and the time, which are each mode's own; or what is wrong with the flags.
    std::expected<TrafficPlan, std::string> plan(bool segments) const;
};

/// Senders that the plan has for a fleet of `allocations`.
std::uint32_t senders(const TrafficPlan& plan, std::uint32_t allocations,
                      bool relay_to_relay) noexcept;

}  // namespace turnpike::bench
