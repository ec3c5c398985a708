#pragma once

#include <memory>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"

namespace turnpike::core {

/// Caps replies per IPv4 address or IPv6 /64 by token buckets in a table of fixed size: nothing is
/// kept for a new source, and sources that meet in one bucket share its budget (never more).
///
/// Source  security reference 5.1
class RateLimits {
public:
    static constexpr std::size_t kBuckets = 1 << 15;

    /// `per_second` 0: no limit.
    RateLimits(double per_second, double burst, HashKey key);

    /// Takes one reply to `source`, if its budget has one.
    bool take(const IpAddress& source, Instant now) noexcept;

private:
    struct Bucket {
        float missing = 0;          // tokens below the burst: an untouched bucket is full
        std::uint32_t at_ms = 0;    // of the last take
    };

    double per_second_, burst_;
    HashKey key_;
    std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace turnpike::core
