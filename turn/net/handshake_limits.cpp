#include "turn/net/handshake_limits.hpp"

#include <algorithm>

namespace turnpike::net {

std::optional<HandshakeLimits::Ticket> HandshakeLimits::begin(const IpAddress& client, Instant now) {
    if (running_.fetch_add(1, std::memory_order_relaxed) >= running_max_) {
        running_.fetch_sub(1, std::memory_order_relaxed);
        return {};
    }
    Ticket ticket{*this};
    const bool exempt = std::ranges::any_of(exempt_, [&](const Cidr& block) { return block.contains(client); });
    if (!exempt) {
        const std::lock_guard lock{mutex_};
        if (!rates_.take(client, now)) return {};
    }
    return ticket;
}

}  // namespace turnpike::net
