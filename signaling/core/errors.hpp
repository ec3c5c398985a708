#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike::signaling {

/// Why a request was refused: JSON-RPC's own numbers and ours (docs/protocol.md, Errors).
enum class ErrorCode : std::int32_t {
    ParseError = -32700,
    InvalidRequest = -32600,
    MethodNotFound = -32601,
    InvalidParams = -32602,
    InternalError = -32603,
    Unauthorized = 1001,
    HelloRequired = 1002,
    Version = 1003,
    ResumeGone = 1004,
    Superseded = 1005,
    RoomNotFound = 1100,
    RoomExists = 1101,
    RoomFull = 1102,
    Forbidden = 1106,
    NotMember = 1107,
    PeerGone = 1200,
    PeerUnreachable = 1201,
    RateLimited = 1300,
    TooLarge = 1301,
    TurnUnavailable = 1400,
    Degraded = 1503,
};

/// The `name` and `retry` of an error's data, so that a client needs no table of its own.
struct ErrorTraits {
    std::string_view name;
    std::string_view retry;  // never | after | resume | rejoin
};
ErrorTraits traits(ErrorCode code) noexcept;

/// Why the server closes a WebSocket (RFC 6455 §7.4.2: 4000–4999 are the application's).
enum class CloseCode : std::uint16_t {
    Normal = 1000,
    GoingAway = 1001,
    UnsupportedData = 1003,
    PolicyViolation = 1008,
    Protocol = 4000,
    HelloTimeout = 4001,
    Superseded = 4003,
    Kicked = 4004,
    SlowConsumer = 4008,
    Idle = 4009,
    Overloaded = 4013,
};
std::string_view to_string(CloseCode code) noexcept;

}  // namespace turnpike::signaling
