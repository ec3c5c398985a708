#pragma once

#include <atomic>
#include <memory>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"
#include "common/base/random.hpp"
#include "turn/core/config.hpp"

namespace turnpike::core {

/// Token buckets in a table of fixed size: nothing is kept for a new key, and keys that meet in one
/// bucket share its budget (never more).
///
/// Threading  any; a bucket is one atomic word
class BucketTable {
public:
    static constexpr std::size_t kBuckets = 1 << 15;  // 8 bytes each

    /// `per_second` 0: no limit, and no table.
    BucketTable(double per_second, double burst, HashKey key);

    bool take(ByteView key, Instant now) noexcept;

private:
    double per_second_, burst_;
    HashKey key_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;  // missing tokens (float) ‖ milliseconds of the last take
};

/// Caps replies per IPv4 address or IPv6 /64, and per IPv4 /24 or IPv6 /48 where that is asked for.
///
/// Threading  any: all workers of a node take from the same budget
/// Source     security reference 5.1
class RateLimits {
public:
    struct Rate {
        double per_second = 0;  // 0: no limit
        double burst = 1;
    };
    RateLimits(Rate of_source, Rate of_network, Random& random);
    /// Of sources alone.
    RateLimits(double per_second, double burst, HashKey key) : sources_(per_second, burst, key), networks_(0, 1, key) {}

    /// Takes one reply to `source`, if its budget has one.
    bool take(const IpAddress& source, Instant now) noexcept;

private:
    BucketTable sources_, networks_;
};

/// What a node answers to those who have not proved where they are. Before that, nothing else is kept of them.
struct StrangerLimits {
    StrangerLimits(const Config& config, Random& random)
        : unauthenticated({config.unauthenticated_per_second, config.unauthenticated_burst},
                          {config.unauthenticated_network_per_second, config.unauthenticated_network_burst}, random),
          binding({config.binding_per_second, config.binding_burst}, {}, random) {}

    RateLimits unauthenticated, binding;
};

}  // namespace turnpike::core
