#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"

namespace turnpike::net {

/// IPv6 peers behind a link that is narrower than ours: what is larger must be fragmented here,
/// since no router does. A few of them; the newest take the place of the oldest.
///
/// Threading  one thread
/// Source     RFC 8201 §4, §5.3 (ten minutes)
class PathMtus {
public:
    static constexpr std::size_t kLeast = 1280;  // RFC 8200 §5: every link takes as much
    static constexpr Seconds kLifetime{600};

    void learn(const IpAddress& peer, std::uint32_t mtu, Instant now) noexcept {
        Entry* entry = nullptr;
        for (std::size_t i = 0; i < used_; ++i) {
            if (entries_[i].peer == peer) entry = &entries_[i];
        }
        if (entry == nullptr)
            entry = used_ < entries_.size() ? &entries_[used_++]
                                            : &entries_[oldest_++ % entries_.size()];
        *entry = {peer, std::max<std::size_t>(mtu, kLeast), now + kLifetime};
    }
    /// Whether a packet of that size, IP header included, is known to be too big on the way there.
    bool too_big(std::size_t packet_bytes, const IpAddress& peer, Instant now) const noexcept {
        if (packet_bytes <= kLeast) return false;
        for (std::size_t i = 0; i < used_; ++i) {
            const Entry& entry = entries_[i];
            if (entry.peer == peer) return entry.until > now && packet_bytes > entry.mtu;
        }
        return false;
    }
    bool empty() const noexcept { return used_ == 0; }

private:
    struct Entry {
        IpAddress peer;
        std::size_t mtu = 0;
        Instant until;
    };
    std::array<Entry, 64> entries_{};
    std::size_t used_ = 0, oldest_ = 0;
};

}  // namespace turnpike::net
