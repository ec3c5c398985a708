#pragma once

#include <algorithm>
#include <cstddef>

#include "common/base/clock.hpp"

namespace turnpike {

/// How fast a bucket fills and how much it holds. A rate of 0 means no limit.
struct BucketRate {
    double per_second = 0, burst = 0;
};

/// What is in a bucket. The rate is an argument: where many buckets have the same one, it is kept once.
/// It starts full.
class BucketLevel {
public:
    constexpr BucketLevel() noexcept = default;
    explicit constexpr BucketLevel(BucketRate rate) noexcept : tokens_(rate.burst) {}

    /// What is there now.
    double level(BucketRate rate, Instant now) const noexcept {
        if (rate.per_second <= 0 || now <= last_) return tokens_;
        return std::min(rate.burst, tokens_ + std::chrono::duration<double>(now - last_).count() * rate.per_second);
    }
    /// Goes on from a level that was read elsewhere; never over the burst.
    void set_level(BucketRate rate, double level, Instant now) noexcept {
        tokens_ = std::min(rate.burst, level);
        last_ = now;
    }

    /// Takes `amount` if it is there; an amount over the burst never is.
    bool take(BucketRate rate, double amount, Instant now) noexcept {
        if (rate.per_second <= 0) return true;
        refill(rate, now);
        if (tokens_ < amount) return false;
        tokens_ -= amount;
        return true;
    }

    /// How many of `at_most` units are there now, in whole ones.
    std::size_t available(BucketRate rate, std::size_t at_most, Instant now) noexcept {
        if (rate.per_second <= 0) return at_most;
        refill(rate, now);
        return tokens_ < 1 ? 0 : std::min(at_most, static_cast<std::size_t>(tokens_));
    }
    /// Takes `amount`, there or not: what was used already is owed.
    void spend(BucketRate rate, double amount, Instant now) noexcept {
        if (rate.per_second <= 0) return;
        refill(rate, now);
        tokens_ -= amount;
    }

private:
    void refill(BucketRate rate, Instant now) noexcept {
        if (now <= last_) return;
        tokens_ = level(rate, now);
        last_ = now;
    }
    double tokens_ = 0;
    Instant last_{};
};

/// Lets `rate` units per second pass, and `burst` at once. A rate of 0 means no limit. It starts
/// full; an amount over `burst` never passes.
class TokenBucket {
public:
    constexpr TokenBucket() noexcept = default;
    constexpr TokenBucket(double rate, double burst) noexcept : rate_{rate, burst}, level_(rate_) {}

    bool limited() const noexcept { return rate_.per_second > 0; }
    double level(Instant now) const noexcept { return level_.level(rate_, now); }
    void set_level(double level, Instant now) noexcept { level_.set_level(rate_, level, now); }
    bool take(double amount, Instant now) noexcept { return level_.take(rate_, amount, now); }
    std::size_t available(std::size_t at_most, Instant now) noexcept { return level_.available(rate_, at_most, now); }
    void spend(double amount, Instant now) noexcept { level_.spend(rate_, amount, now); }

private:
    BucketRate rate_;
    BucketLevel level_;
};

}  // namespace turnpike
