#pragma once

#include <algorithm>
#include <cstddef>

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

    /// How many of `at_most` units are there now, in whole ones.
    std::size_t available(std::size_t at_most, Instant now) noexcept {
        if (rate_ <= 0) return at_most;
        refill(now);
        return tokens_ < 1 ? 0 : std::min(at_most, static_cast<std::size_t>(tokens_));
    }
    /// Takes `amount`, there or not: what was used already is owed.
    void spend(double amount, Instant now) noexcept {
        if (rate_ <= 0) return;
        refill(now);
        tokens_ -= amount;
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
