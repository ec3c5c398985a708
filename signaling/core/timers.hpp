#pragma once

#include <cstdint>

#include "common/base/deadline_wheel.hpp"

namespace turnpike::signaling {

/// What ended, and whose it was.
struct Timer {
    enum class Kind : std::uint8_t { None, Hello, Grace, Renew, RoomEmpty, Sweep };
    Kind kind = Kind::None;
    std::uint64_t id = 0;  // a session's, participant's or room's number
};
using Timers = DeadlineWheel<Timer>;

}  // namespace turnpike::signaling
