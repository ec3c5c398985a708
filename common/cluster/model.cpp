#include "common/cluster/model.hpp"

namespace turnpike::cluster {

std::string_view to_string(NodeState state) noexcept {
    switch (state) {
        case NodeState::Active:
            return "active";
        case NodeState::Cordoned:
            return "cordoned";
        case NodeState::Draining:
            return "draining";
        case NodeState::Drained:
            return "drained";
        case NodeState::Lost:
            return "lost";
    }
    return "?";
}

std::optional<NodeState> node_state(std::string_view text) noexcept {
    for (const NodeState state : {NodeState::Active, NodeState::Cordoned, NodeState::Draining,
                                  NodeState::Drained, NodeState::Lost}) {
        if (to_string(state) == text) return state;
    }
    return {};
}

}  // namespace turnpike::cluster
