#pragma once

#include <unordered_map>

#include "common/base/token_bucket.hpp"
#include "signaling/core/limits.hpp"

namespace turnpike::signaling {

/// The address that limits count by: IPv4 whole (also when it comes mapped into IPv6), IPv6 by /64,
/// since one subscriber has that many.
IpAddress source_key(const IpAddress& source) noexcept;

/// What each source has open and has used up lately.
///
/// Threading  one thread.
class SourceLimits {
public:
    explicit SourceLimits(const Limits& limits) : limits_(limits) {}

    /// Counts a new session; false when the source has enough.
    bool open(const IpAddress& source, Instant now);
    void close(const IpAddress& source) noexcept;
    bool may_open(const IpAddress& source) const noexcept;
    bool take_join(const IpAddress& source, Instant now);
    bool take_create(const IpAddress& source, Instant now);
    /// Forgets sources without sessions that have been quiet long enough for full buckets.
    void sweep(Instant now);
    std::size_t size() const noexcept { return sources_.size(); }

private:
    struct Source {
        unsigned sessions = 0;
        TokenBucket join, create;
        Instant used{};
    };
    struct Hash {
        std::size_t operator()(const IpAddress& a) const noexcept;
    };

    Source& at(const IpAddress& key, Instant now);

    const Limits& limits_;
    std::unordered_map<IpAddress, Source, Hash> sources_;
};

}  // namespace turnpike::signaling
