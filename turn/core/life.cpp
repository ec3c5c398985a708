// How an allocation begins to live, is kept tidy, and ends.

#include "turn/core/machine.hpp"

namespace turnpike::core {

void Machine::arm_expiry(Allocation& allocation) {
    allocation.expiry =
        wheel_.rearm(allocation.expiry, allocation.expires_at, Timer{&allocation, Timer::Kind::Expiry});
}

// One deadline for all permissions and channels: at or before the first that ends. A refresh only
// moves ends back, so the sweep may come early; it then looks again.
void Machine::arm_sweep(Allocation& allocation, Instant deadline) {
    if (allocation.sweep && allocation.sweep_at <= deadline) return;
    allocation.sweep = wheel_.rearm(allocation.sweep, deadline, Timer{&allocation, Timer::Kind::Sweep});
    allocation.sweep_at = deadline;
}

void Machine::sweep(Allocation& allocation, Instant now) {
    wheel_.cancel(allocation.sweep);  // when it is not the timer that called
    allocation.sweep = {};
    const auto permission = allocation.permissions.sweep(now);
    const auto channel = allocation.channels.sweep(now);
    if (permission) arm_sweep(allocation, *permission);
    if (channel) arm_sweep(allocation, *channel);
}

void Machine::report_opened(const Allocation& allocation, const Endpoint& relayed, Outbox& out) {
    ++counters_.allocations_opened;
    out.add(AllocationOpened{allocation.id, allocation.tuple(), relayed, allocation.username, allocation.subject,
                             allocation.realm});
}

void Machine::report_closed(const Allocation& allocation, const Endpoint& relayed, CloseReason reason, Instant now,
                            Outbox& out) {
    ++counters_.allocations_closed[static_cast<std::size_t>(reason)];
    out.add(AllocationClosed{allocation.id, allocation.tuple(), relayed, allocation.username, allocation.subject,
                             allocation.realm, reason, allocation.traffic, now - allocation.opened_at});
}

void Machine::disarm(Allocation& allocation) noexcept {
    wheel_.cancel(allocation.expiry);
    wheel_.cancel(allocation.sweep);
    allocation.expiry = allocation.sweep = {};
}

void Machine::close_relay(const Relayed& relayed, Outbox& out) {
    slots_.release(relayed.relay);
    out.add(CloseRelay{relayed.relay});
}

void Machine::close(Allocation& allocation, CloseReason reason, Instant now, Outbox& out) {
    const std::unique_ptr<Allocation> gone = table_.take(allocation.tuple());
    forget_names(*gone);
    disarm(*gone);
    close_connections(*gone, [](const Connection&) { return true; }, out);
    for (const Relayed& relayed : gone->relayed) close_relay(relayed, out);
    shared_.quota.release(gone->realm, gone->subject);
    report_closed(*gone, gone->relayed.front().external, reason, now, out);
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
    allocation.permissions.install(peer, until);
    arm_sweep(allocation, until);
}

}  // namespace turnpike::core
