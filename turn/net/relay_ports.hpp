#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/random.hpp"

namespace turnpike::net {

/// The node's ports for relayed addresses: which of them are in use, per local address.
///
/// A port is drawn at random, so that a stranger cannot guess the next one (RFC 8656 §7.2). One that was
/// released rests: a peer may still send to its former owner. Ports that rested for kRest are
/// drawn first; when there is none, the one that rested longest, if that was kRestMin at least.
///
/// Threading  any. A draw looks at a handful of ports without a lock; where it finds none of them rested, since
///            nearly all are taken or were lately, the released ones are in a queue.
class RelayPorts {
public:
    static constexpr Seconds kRest = 120s, kRestMin = 5s;

    enum class Parity : std::uint8_t { Any, Even };

    /// No port at all when first is 0 or last is below it.
    RelayPorts(std::vector<IpAddress> addresses, std::uint16_t first, std::uint16_t last);

    /// A free port of that address, now used.
    std::optional<std::uint16_t> draw(std::size_t address, Instant now, Random& random, Parity parity = Parity::Any);
    /// An even port, now used, and the next higher one, now reserved (EVEN-PORT with its R bit, RFC 8656 §7.2).
    std::optional<std::uint16_t> draw_pair(std::size_t address, Instant now, Random& random);
    /// Exactly this one, whether rested or not: a restored allocation's own.
    bool claim(const Endpoint& local) noexcept;
    /// A reserved one is used from now on; false when it is not reserved.
    bool claim_reserved(const Endpoint& local) noexcept;
    /// A used or reserved one is back among the free ones, to rest from now on.
    void release(const Endpoint& local, Instant now) noexcept;

    const std::vector<IpAddress>& addresses() const noexcept { return addresses_; }

    /// free + used + reserved + quarantined == total, at any moment when nothing changes.
    struct Census {
        std::size_t total = 0, used = 0;
        std::size_t reserved = 0;     // for an Allocate with a RESERVATION-TOKEN
        std::size_t quarantined = 0;  // released less than kRest ago
        std::size_t free = 0;
    };
    Census census(Instant now) const noexcept;
    std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
    std::size_t reserved() const noexcept { return reserved_.load(std::memory_order_relaxed); }
    std::size_t total() const noexcept { return addresses_.size() * count_; }

private:
    static constexpr std::int64_t kNever = INT64_MIN;  // not released yet

    /// An address's released ports, the longest free first. Those that were drawn since are still in it.
    struct Released {
        struct Port {
            std::size_t slot = 0;
            std::int64_t at = 0;
        };
        std::mutex mutex;
        std::deque<Port> queue;
        std::atomic<std::size_t> fresh{0};  // free ports that nobody ever had
    };

    std::optional<std::size_t> slot_of(const Endpoint& local) const noexcept;
    bool taken(std::size_t slot) const noexcept;
    bool reserved(std::size_t slot) const noexcept;
    bool take(std::size_t slot) noexcept;
    void give_back(std::size_t slot) noexcept;
    void reserve(std::size_t slot) noexcept;
    /// It is taken, but no longer reserved; false when it was not.
    bool unreserve(std::size_t slot) noexcept;
    bool rested(std::size_t slot, Instant now, Seconds at_least) const noexcept;
    bool take_for_draw(std::size_t slot, bool pair, Instant now, Seconds rest) noexcept;
    std::optional<std::uint16_t> draw(std::size_t address, Instant now, Random& random, bool even, bool pair);
    template <typename Suits>
    std::optional<std::size_t> draw_fresh(std::size_t address, bool pair, Instant now, Random& random, Suits&& suits);
    template <typename Suits>
    std::optional<std::size_t> draw_released(std::size_t address, bool pair, Instant now, Suits&& suits);
    bool still_free(const Released::Port& port) const noexcept {
        return released_at_[port.slot].load(std::memory_order_relaxed) == port.at && !taken(port.slot);
    }

    std::vector<IpAddress> addresses_;
    std::uint16_t first_;
    std::size_t count_;  // ports per address
    std::unique_ptr<std::atomic<std::uint64_t>[]> bits_;          // 1: used or reserved
    std::unique_ptr<std::atomic<std::uint64_t>[]> reserved_bits_; // 1: reserved; only where bits_ has 1
    std::unique_ptr<std::atomic<std::int64_t>[]> released_at_;    // nanoseconds of Instant
    std::unique_ptr<Released[]> released_;  // by address
    std::atomic<std::size_t> used_{0}, reserved_{0};
};

}  // namespace turnpike::net
