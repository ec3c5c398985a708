#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/endpoint.hpp"
#include "turn/core/rate_limits.hpp"

namespace turnpike::net {

/// How many TLS and DTLS handshakes the node takes on: so many at once, and so many a second from one source
/// (IPv4 address or IPv6 /64), since each costs far more than its sender pays.
///
/// Threading  any; asked once per handshake
class HandshakeLimits {
public:
    /// A rate of 0 means no limit.
    HandshakeLimits(std::size_t running_max, double per_second, double burst, std::vector<Cidr> exempt, HashKey key)
        : running_max_(running_max), exempt_(std::move(exempt)), rates_(per_second, burst, key) {}

    /// A handshake that is under way, until it ends.
    class Ticket {
    public:
        Ticket() noexcept = default;
        Ticket(Ticket&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)) {}
        Ticket& operator=(Ticket&& other) noexcept {
            std::swap(limits_, other.limits_);
            return *this;
        }
        ~Ticket() {
            if (limits_ != nullptr) limits_->running_.fetch_sub(1, std::memory_order_relaxed);
        }
        void end() noexcept { const Ticket ended = std::move(*this); }

    private:
        friend class HandshakeLimits;
        explicit Ticket(HandshakeLimits& limits) noexcept : limits_(&limits) {}
        HandshakeLimits* limits_ = nullptr;
    };

    /// Nothing when there are too many.
    std::optional<Ticket> begin(const IpAddress& client, Instant now);
    std::size_t running() const noexcept { return running_.load(std::memory_order_relaxed); }

private:
    std::size_t running_max_;
    std::vector<Cidr> exempt_;
    std::atomic<std::size_t> running_{0};
    std::mutex mutex_;
    core::RateLimits rates_;
};

}  // namespace turnpike::net
