#pragma once

#include <cstdint>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// When each packet is due: `rate` packets a second from `start`, in bursts of `burst` that are due
/// at once. It does not wait for anybody, so that a slow server or generator shows as latency and
/// loss.
///
/// Shape   bursts go round the flows: burst b belongs to flow b mod flows
class OpenSchedule {
public:
    OpenSchedule(Instant start, double rate, unsigned burst, std::uint32_t flows) noexcept
        : start_(start), burst_ns_(1e9 / rate * burst), burst_(burst), flows_(flows) {}

    Instant due(std::uint64_t packet) const noexcept {
        return start_ + Nanoseconds{static_cast<std::int64_t>(
                            burst_ns_ * static_cast<double>(packet / burst_))};
    }
    /// How many packets are due by `now`.
    std::uint64_t due_by(Instant now) const noexcept {
        if (now < start_) return 0;
        const double bursts = static_cast<double>((now - start_).count()) / burst_ns_;
        return (static_cast<std::uint64_t>(bursts) + 1) * burst_;
    }
    std::uint32_t flow(std::uint64_t packet) const noexcept {
        return static_cast<std::uint32_t>(packet / burst_ % flows_);
    }
    unsigned burst() const noexcept { return burst_; }

private:
    Instant start_;
    double burst_ns_;
    unsigned burst_;
    std::uint32_t flows_;
};

}  // namespace turnpike::bench
