#include "turn/core/actions.hpp"

namespace turnpike::core {

std::string_view to_string(CloseReason reason) noexcept {
    switch (reason) {
        case CloseReason::Refreshed0: return "refreshed0";
        case CloseReason::Expired: return "expired";
        case CloseReason::ClientGone: return "client_gone";
        case CloseReason::Killed: return "killed";
        case CloseReason::Revoked: return "revoked";
        case CloseReason::MaxSession: return "max_session";
        case CloseReason::NodeStopped: return "node_stopped";
        case CloseReason::NotRestored: return "not_restored";
    }
    return "unknown";
}

}  // namespace turnpike::core
