#pragma once

#include <algorithm>

#include "common/base/clock.hpp"

namespace turnpike {

/// Lets `rate` units per second pass, and `burst` at once. A rate of 0 means no limit. It starts
/// full; an amount over `burst` never passes.
class TokenBucket {
public:
    constexpr TokenBucket() noexcept = default;
    constexpr TokenBucket(double rate, double burst) noexcept : rate_(rate), burst_(burst), tokens_(burst) {}

    bool limited() const noexcept { return rate_ > 0; }

    /// Takes `amount` if it is there.
    bool take(double amount, Instant now) noexcept {
        if (rate_ <= 0) return true;
        refill(now);
        if (tokens_ < amount) return false;
        tokens_ -= amount;
        return true;
    }

private:
    void refill(Instant now) noexcept {
        if (now <= last_) return;
        const double elapsed = std::chrono::duration<double>(now - last_).count();
        tokens_ = std::min(burst_, tokens_ + elapsed * rate_);
        last_ = now;
    }
    double rate_ = 0, burst_ = 0, tokens_ = 0;
    Instant last_{};
};

}  // namespace turnpike
