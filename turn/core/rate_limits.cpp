#include "turn/core/rate_limits.hpp"

#include <algorithm>

namespace turnpike::core {

RateLimits::RateLimits(double per_second, double burst, HashKey key)
    : per_second_(per_second), burst_(std::max(burst, 1.0)), key_(key) {
    if (per_second_ > 0) buckets_ = std::make_unique<Bucket[]>(kBuckets);
}

bool RateLimits::take(const IpAddress& source, Instant now) noexcept {
    if (!buckets_) return true;
    const std::size_t size = source.is_v4() ? 4 : 8;
    Bucket& bucket = buckets_[key_(source.bytes().first(size)) % kBuckets];

    const auto now_ms = static_cast<std::uint32_t>(std::chrono::duration_cast<Milliseconds>(now.time_since_epoch()).count());
    const double elapsed_s = static_cast<double>(now_ms - bucket.at_ms) / 1000.0;  // wraps after 49 days, then full
    const double missing = std::max(0.0, static_cast<double>(bucket.missing) - elapsed_s * per_second_);
    bucket.at_ms = now_ms;
    if (missing + 1 > burst_) {
        bucket.missing = static_cast<float>(missing);
        return false;
    }
    bucket.missing = static_cast<float>(missing + 1);
    return true;
}

}  // namespace turnpike::core
