#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/ids.hpp"
#include "signaling/core/errors.hpp"

namespace turnpike::signaling {

/// Names a WebSocket for as long as the process lives; never used twice.
using SessionId = StrongId<struct SessionTag>;

/// Both clocks of one instant: lifetimes count by the first, credentials by the second.
struct Moment {
    Instant now{};
    WallTime wall{};
};

// What the hub wants done. The driver does it in order.

struct SendText {
    SessionId session;
    std::string text;
};
/// After what was sent before. The hub has forgotten the session already.
struct CloseSession {
    SessionId session;
    CloseCode code{};
};
/// Every relay is to end the subject's allocations and refuse its credentials until then.
struct RevokeCredential {
    std::string subject;
    WallTime until{};
    std::string reason;
};
/// Something for the log; no names, no texts.
struct Occurrence {
    enum class Kind : std::uint8_t { RoomOpened, RoomClosed, Joined, Rejoined, Detached, Left };
    Kind kind{};
    std::string room;
    std::string participant;  // empty for rooms
    std::string_view reason;  // why it left; a literal
};

using Action = std::variant<SendText, CloseSession, RevokeCredential, Occurrence>;
using Outbox = std::vector<Action>;

}  // namespace turnpike::signaling
