#pragma once

#include <ctime>

#include "common/base/clock.hpp"

namespace turnpike {

/// The kernel's clocks. Instant is CLOCK_BOOTTIME, so that a suspended machine's lifetimes go on.
///
/// Threading  any.
class SystemClock final : public Clock {
public:
    Instant now() const noexcept override { return Instant{read(CLOCK_BOOTTIME)}; }
    WallTime wall() const noexcept override {
        return WallTime{std::chrono::duration_cast<Milliseconds>(read(CLOCK_REALTIME))};
    }

private:
    static Nanoseconds read(clockid_t id) noexcept {
        timespec t{};
        ::clock_gettime(id, &t);
        return Seconds{t.tv_sec} + Nanoseconds{t.tv_nsec};
    }
};

}  // namespace turnpike
