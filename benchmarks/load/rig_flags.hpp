#pragma once

#include <expected>
#include <string>

#include "benchmarks/load/rig.hpp"
#include "benchmarks/load/target_flags.hpp"

namespace turnpike::bench {

/// The flags that describe a fleet, the same in every mode that makes one.
struct RigFlags {
    TargetFlags target;
    std::uint32_t allocations = 100, window = 256;
    std::string mode = "channels", client_addresses, peer_addresses, peer_netns;
    int family = 0;
    double timeout = 10;
    bool relay_to_relay = false, segments = false;

    void add_to(CLI::App& app);
    /// Options of a rig, or what is wrong with the flags.
    std::expected<RigOptions, std::string> options(bool progress) const;
};

}  // namespace turnpike::bench
