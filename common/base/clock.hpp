#pragma once

#include <chrono>
#include <cstdint>

namespace turnpike {

using namespace std::chrono_literals;

using Nanoseconds = std::chrono::nanoseconds;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// The monotonic clock as a type. It has no now(): time is an argument, and only Clock knows it.
struct Monotonic {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = Nanoseconds;
    using time_point = std::chrono::time_point<Monotonic, duration>;
    static constexpr bool is_steady = true;
};

/// A moment on the monotonic clock: lifetimes, timers, rates.
using Instant = Monotonic::time_point;

/// A moment on the wall clock, Unix time: credential expiry, certificates, nonces shared by nodes.
using WallTime = std::chrono::sys_time<Milliseconds>;

inline std::int64_t unix_seconds(WallTime t) noexcept {
    return std::chrono::duration_cast<Seconds>(t.time_since_epoch()).count();
}
inline WallTime from_unix_seconds(std::int64_t s) noexcept { return WallTime{Seconds{s}}; }

/// Where drivers and mains take the time from. Logic takes Instant and WallTime as arguments.
class Clock {
public:
    virtual Instant now() const noexcept = 0;
    virtual WallTime wall() const noexcept = 0;

protected:
    ~Clock() = default;
};

}  // namespace turnpike
