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

    /// What is there now.
    double level(Instant now) const noexcept {
        if (rate_ <= 0 || now <= last_) return tokens_;
        return std::min(burst_, tokens_ + std::chrono::duration<double>(now - last_).count() * rate_);
    }
    /// Goes on from a level that was read elsewhere; never over the burst.
    void set_level(double level, Instant now) noexcept {
        tokens_ = std::min(burst_, level);
        last_ = now;
    }

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
        tokens_ = level(now);
        last_ = now;
    }
    double rate_ = 0, burst_ = 0, tokens_ = 0;
    Instant last_{};
};

}  // namespace turnpike
