#include "signaling/core/errors.hpp"

namespace turnpike::signaling {

ErrorTraits traits(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::ParseError: return {"parse_error", "never"};
        case ErrorCode::InvalidRequest: return {"invalid_request", "never"};
        case ErrorCode::MethodNotFound: return {"method_not_found", "never"};
        case ErrorCode::InvalidParams: return {"invalid_params", "never"};
        case ErrorCode::InternalError: return {"internal_error", "after"};
        case ErrorCode::Unauthorized: return {"unauthorized", "never"};
        case ErrorCode::HelloRequired: return {"hello_required", "never"};
        case ErrorCode::Version: return {"version", "never"};
        case ErrorCode::ResumeGone: return {"resume_gone", "rejoin"};
        case ErrorCode::Superseded: return {"superseded", "never"};
        case ErrorCode::RoomNotFound: return {"room_not_found", "never"};
        case ErrorCode::RoomExists: return {"room_exists", "never"};
        case ErrorCode::RoomFull: return {"room_full", "after"};
        case ErrorCode::Forbidden: return {"forbidden", "never"};
        case ErrorCode::NotMember: return {"not_member", "rejoin"};
        case ErrorCode::PeerGone: return {"peer_gone", "never"};
        case ErrorCode::PeerUnreachable: return {"peer_unreachable", "after"};
        case ErrorCode::RateLimited: return {"rate_limited", "after"};
        case ErrorCode::TooLarge: return {"too_large", "never"};
        case ErrorCode::TurnUnavailable: return {"turn_unavailable", "after"};
        case ErrorCode::Degraded: return {"degraded", "after"};
    }
    return {"internal_error", "after"};
}

std::string_view to_string(CloseCode code) noexcept {
    switch (code) {
        case CloseCode::Normal: return "bye";
        case CloseCode::GoingAway: return "going away";
        case CloseCode::UnsupportedData: return "text only";
        case CloseCode::PolicyViolation: return "policy";
        case CloseCode::Protocol: return "protocol";
        case CloseCode::HelloTimeout: return "hello timeout";
        case CloseCode::Superseded: return "superseded";
        case CloseCode::Kicked: return "kicked";
        case CloseCode::SlowConsumer: return "slow consumer";
        case CloseCode::Idle: return "idle";
        case CloseCode::Overloaded: return "overloaded";
    }
    return "closed";
}

}  // namespace turnpike::signaling
