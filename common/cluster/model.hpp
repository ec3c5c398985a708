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

/// Whether new rooms may be placed there.
constexpr bool takes_rooms(NodeState state) noexcept {
    return state == NodeState::Active;
}
/// Whether rooms that are there may stay: a cordoned node takes no new ones but keeps those it has.
constexpr bool keeps_rooms(NodeState state) noexcept {
    return state == NodeState::Active || state == NodeState::Cordoned;
}

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
    double capacity = 1;      // what it can carry, beside others: 2 is twice the machine of 1
    double load = 0;          // 0 idle … 1 full
    std::uint64_t seats = 0;  // members that the rooms placed here may have, as far as is known

    /// What is left of it, 0 … capacity: the weight in placement.
    double free_capacity() const noexcept {
        return load >= 1 || !(capacity > 0) ? 0 : load <= 0 ? capacity : capacity * (1 - load);
    }
    /// The label "region"; empty where it has none.
    std::string_view region() const noexcept {
        const auto found = labels.find("region");
        return found == labels.end() ? std::string_view{} : std::string_view{found->second};
    }

    friend bool operator==(const NodeInfo&, const NodeInfo&) = default;
};

}  // namespace turnpike::cluster
