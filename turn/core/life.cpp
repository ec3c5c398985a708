// How an allocation begins to live, is kept tidy, and ends.

#include <algorithm>

#include "turn/core/machine.hpp"

namespace turnpike::core {

// One deadline for the allocation, its permissions and channels: at or before the first that ends. A
// refresh only moves ends back, so it may come early; then it looks again.
void Machine::arm(Allocation& allocation, Instant deadline) {
    if (allocation.wake && allocation.wake_at <= deadline) return;
    allocation.wake = wheel_.rearm(allocation.wake, deadline, Timer::life(allocation));
    allocation.wake_at = deadline;
}

void Machine::sweep(Allocation& allocation, Instant now) {
    Instant first = allocation.expires_at;
    if (const auto permission = allocation.permissions.sweep(now)) first = std::min(first, *permission);
    if (const auto channel = allocation.channels.sweep(now)) first = std::min(first, *channel);
    disarm(allocation);
    arm(allocation, first);
}

void Machine::report_opened(const Allocation& allocation, const Endpoint& relayed, Outbox& out) {
    ++counters_.allocations_opened;
    const CredentialEntry& by = *allocation.credential;
    out.add(AllocationOpened{allocation.id, allocation.tuple(), relayed, std::string{by.username()},
                             std::string{by.subject()}, std::string{by.realm()}});
}

void Machine::report_closed(const Allocation& allocation, const Endpoint& relayed, CloseReason reason, Instant now,
                            Outbox& out) {
    ++counters_.allocations_closed[static_cast<std::size_t>(reason)];
    const CredentialEntry& by = *allocation.credential;
    out.add(AllocationClosed{allocation.id, allocation.tuple(), relayed, std::string{by.username()},
                             std::string{by.subject()}, std::string{by.realm()}, reason, allocation.traffic,
                             now - allocation.opened_at});
}

void Machine::disarm(Allocation& allocation) noexcept {
    wheel_.cancel(allocation.wake);
    allocation.wake = {};
}

void Machine::close_relay(const Relayed& relayed, Outbox& out) {
    slots_.release(relayed.relay);
    out.add(CloseRelay{relayed.relay});
}

void Machine::close(Allocation& allocation, CloseReason reason, Instant now, Outbox& out) {
    const std::unique_ptr<Allocation> gone = table_.take(allocation.tuple());
    forget_names(*gone);
    forget_record(*gone);
    disarm(*gone);
    close_connections(*gone, [](const Connection&) { return true; }, out);
    for (const Relayed& relayed : gone->relayed) close_relay(relayed, out);
    shared_.quota.release(gone->realm(), gone->credential->subject());
    report_closed(*gone, external(gone->relayed.front().local), reason, now, out);
    close_client(*gone, reason, out);
}

// An operator's decision ends the connection too: what else would its client do on it?
void Machine::close_client(const Allocation& allocation, CloseReason reason, Outbox& out) {
    const bool by_operator = reason == CloseReason::Killed || reason == CloseReason::Revoked;
    if (by_operator && allocation.tuple().transport != Transport::Udp) out.add(CloseClient{allocation.path});
}

void Machine::expire(Allocation& allocation, Instant now, Outbox& out) {
    const bool session_over = allocation.expires_at - allocation.opened_at >= config_.max_session;
    close(allocation, session_over ? CloseReason::MaxSession : CloseReason::Expired, now, out);
}

void Machine::install_permission(Allocation& allocation, const PolicyToken& peer, Instant now) {
    const Instant until = now + config_.permission_lifetime;
    allocation.permissions.install(peer, until, hash_key_);
    changed(allocation);
    arm(allocation, until);
}

}  // namespace turnpike::core
