#include "turn/core/rate_limits.hpp"

#include <algorithm>
#include <bit>

namespace turnpike::core {
namespace {

// Workers read the clock each for themselves: one may be this far behind what another wrote.
constexpr std::uint32_t kSkewMs = 60'000;

struct Bucket {
    float missing = 0;        // tokens below the burst: an untouched bucket is full
    std::uint32_t at_ms = 0;  // of the last take; wraps after 49 days

    static Bucket of(std::uint64_t word) noexcept {
        return {std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32)), static_cast<std::uint32_t>(word)};
    }
    std::uint64_t word() const noexcept {
        return (std::uint64_t{std::bit_cast<std::uint32_t>(missing)} << 32) | at_ms;
    }
};

HashKey random_key(Random& random) noexcept {
    std::array<std::uint8_t, 16> raw{};
    random.fill_secret(raw);
    return {load_u64(raw, 0), load_u64(raw, 8)};
}

}  // namespace

BucketTable::BucketTable(double per_second, double burst, HashKey key)
    : per_second_(per_second), burst_(std::max(burst, 1.0)), key_(key) {
    if (per_second_ > 0) buckets_ = std::make_unique<std::atomic<std::uint64_t>[]>(kBuckets);
}

bool BucketTable::take(ByteView key, Instant now) noexcept {
    if (!buckets_) return true;
    std::atomic<std::uint64_t>& word = buckets_[key_(key) % kBuckets];
    const auto now_ms =
        static_cast<std::uint32_t>(std::chrono::duration_cast<Milliseconds>(now.time_since_epoch()).count());
    for (std::uint64_t seen = word.load(std::memory_order_relaxed);;) {
        Bucket bucket = Bucket::of(seen);
        const bool behind = bucket.at_ms - now_ms <= kSkewMs;
        const double elapsed_s = behind ? 0 : static_cast<double>(now_ms - bucket.at_ms) / 1000.0;
        const double missing = std::max(0.0, static_cast<double>(bucket.missing) - elapsed_s * per_second_);
        const bool taken = missing + 1 <= burst_;
        if (!behind) bucket.at_ms = now_ms;
        bucket.missing = static_cast<float>(taken ? missing + 1 : missing);
        if (word.compare_exchange_weak(seen, bucket.word(), std::memory_order_relaxed)) return taken;
    }
}

RateLimits::RateLimits(Rate of_source, Rate of_network, Random& random)
    : sources_(of_source.per_second, of_source.burst, random_key(random)),
      networks_(of_network.per_second, of_network.burst, random_key(random)) {}

// The source first: one that has used up its own budget takes nothing from its neighbours.
bool RateLimits::take(const IpAddress& source, Instant now) noexcept {
    const ByteView bytes = source.bytes();
    return sources_.take(bytes.first(source.is_v4() ? 4 : 8), now) &&
           networks_.take(bytes.first(source.is_v4() ? 3 : 6), now);
}

}  // namespace turnpike::core
