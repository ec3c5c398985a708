#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::cluster {

/// What a relay node says of itself, or what is known of it from outside (Lost).
enum class NodeState : std::uint8_t { Active, Cordoned, Draining, Drained, Lost };

std::string_view to_string(NodeState state) noexcept;
std::optional<NodeState> node_state(std::string_view text) noexcept;

/// A relay node as its neighbours see it: plain values, copied between threads.
struct NodeInfo {
    std::string id;       // node.id, unique in the cluster
    std::string boot_id;  // new with each start of the process
    NodeState state = NodeState::Lost;
    std::string version;
    std::string realm;
    std::vector<std::string> urls;  // ICE URLs, best first: turn:..., turns:...
    std::map<std::string, std::string> labels;
    std::uint64_t allocations = 0;
    std::uint64_t allocation_limit = 0;  // 0: no limit of its own
    double load = 0;                     // 0 idle … 1 full

    /// What is left of it, 0 … 1: the weight in placement.
    double free_capacity() const noexcept { return load >= 1 ? 0 : load <= 0 ? 1 : 1 - load; }

    friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

}  // namespace turnpike::cluster
