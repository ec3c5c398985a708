// An allocation as a record and back (DESIGN 4.2): moves between workers, and restarts.

#include <algorithm>

#include "turn/core/machine.hpp"

namespace turnpike::core {
namespace {

constexpr std::uint64_t kIdEnd = std::uint64_t{1} << 62;  // far beyond what a node gives out

}  // namespace

std::optional<AllocationRecord> Machine::record(const FiveTuple& tuple, Instant now) const {
    const Allocation* allocation = table_.find(tuple);
    if (allocation == nullptr || allocation->expires_at <= now) return {};
    return allocation->to_record(config_, now);
}

std::optional<Server::Released> Machine::release(const FiveTuple& tuple, Instant now) {
    const Allocation* live = table_.find(tuple);
    // Connections with peers stay where they are, and their allocation with them: ids name their worker.
    if (live == nullptr || live->expires_at <= now || !live->uncommon().connections.empty()) return {};
    const std::unique_ptr<Allocation> allocation = table_.take(tuple);
    disarm(*allocation);
    leave_record(*allocation);
    Server::Released released{allocation->to_record(config_, now), {}};
    for (const Relayed& one : allocation->relayed) {
        released.relays.push_back(one.relay);
        slots_.release(one.relay);
    }
    return released;
}

// What a record may claim ends at today's configuration and policy: it is untrusted input.
std::unique_ptr<Allocation> Machine::rebuild(const AllocationRecord& record, const Path& path, Instant now) {
    const bool ours = std::ranges::all_of(record.relayed, [&](const Endpoint& relayed) {
        return shared_.relays.owns(relayed.address) && relayed.port != 0;
    });
    if (record.protocol == RelayProtocol::Tcp && (!config_.relay_tcp || !is_stream(path.tuple.transport))) return nullptr;
    if (knows(path.tuple) || record.relayed.empty() || record.relayed.size() > 2 || !ours) return nullptr;
    if (record.id.value >= kIdEnd || record.left <= Milliseconds{0} || record.age < Milliseconds{0} || record.age >= config_.max_session ||
        (record.authorized_left && *record.authorized_left <= Milliseconds{0})) {
        return nullptr;
    }

    auto allocation = std::make_unique<Allocation>(
        path, credentials_.intern(record.credential.view()));
    allocation->id = record.id;
    allocation->transaction = record.allocate_transaction;
    if (config_.mobility && !record.ticket.empty()) allocation->more().ticket = record.ticket;
    if (config_.nat_rebinding && !record.nonce.empty()) {
        Allocation::Uncommon& also = allocation->more();
        also.nonce = record.nonce;
        also.nonce_tuple = record.tuple;
        also.nonce_tuple.client = record.nonce_client;
    }
    if (record.reservation_token != 0) allocation->more().reservation = record.reservation_token;
    if (record.authorized_left) allocation->more().authorized_until = now + *record.authorized_left;
    allocation->protocol = record.protocol;
    allocation->limit_rates(config_);
    if (allocation->rates) {
        allocation->rates->bandwidth.set_level(record.bandwidth_left, now);
        allocation->rates->packets.set_level(record.packets_left, now);
    }
    allocation->new_peers.set_level(config_.new_peers(), record.new_peers_left, now);
    allocation->traffic = record.traffic;
    allocation->opened_at = now - record.age;
    const Nanoseconds left =
        std::min<Nanoseconds>({record.left, config_.lifetime_max, config_.max_session - record.age});
    allocation->expires_at = now + within_authorization(left, allocation->uncommon().authorized_until, now);

    const PeerPolicy& policy = policy_->for_realm(record.credential.realm);
    const auto allowed = [&](const IpAddress& peer) { return policy.check(peer, record.credential.relay_peers_only); };
    for (const AllocationRecord::Permission& permission : record.permissions) {
        if (allocation->permissions.size() >= config_.permissions_max) break;
        const auto token = allowed(permission.peer);
        if (!token || permission.left <= Milliseconds{0}) continue;
        allocation->permissions.install(*token,
                                        now + std::min<Nanoseconds>(permission.left, config_.permission_lifetime),
                                        hash_key_);
    }
    for (const AllocationRecord::Channel& channel : record.channels) {
        if (allocation->channels.size() >= config_.channels_max) break;
        const auto number = stun::ChannelNumber::from_wire(channel.number, stun::ChannelRange::Rfc5766);
        const auto token = allowed(channel.peer.address);
        if (!number || !token || channel.left <= Milliseconds{0} || !policy.allows_port(channel.peer) ||
            !allocation->channels.may_bind(*number, channel.peer, now)) {
            continue;
        }
        allocation->channels.bind(*number, channel.peer, *token,
                                  now + std::min<Nanoseconds>(channel.left, config_.channel_lifetime), hash_key_);
    }

    // Ids are never used twice, not even those that were given out before a restart.
    std::uint64_t next = shared_.next_allocation_id.load(std::memory_order_relaxed);
    while (next <= record.id.value &&
           !shared_.next_allocation_id.compare_exchange_weak(next, record.id.value + 1, std::memory_order_relaxed)) {
    }
    return allocation;
}

std::optional<std::vector<RelayId>> Machine::adopt(const AllocationRecord& record, const Path& path, Instant now) {
    std::unique_ptr<Allocation> allocation = rebuild(record, path, now);
    if (!allocation) return {};
    std::vector<RelayId> relays;
    for (const Endpoint& local : record.relayed) {
        const RelayId relay = slots_.take(*allocation);
        allocation->relayed.push_back({relay, local});
        relays.push_back(relay);
    }
    Allocation& live = table_.insert(std::move(allocation));
    register_names(live);
    changed(live);
    sweep(live, now);
    return relays;
}

bool Machine::restore(const AllocationRecord& record, const Path& path, Instant now, Outbox& out) {
    if (pending_.full()) return false;
    auto waiting = std::make_unique<PendingAllocation>();
    waiting->allocation = rebuild(record, path, now);
    if (!waiting->allocation) return false;
    shared_.quota.restore(record.credential.realm, record.credential.subject);
    for (const Endpoint& local : record.relayed) {
        waiting->wanted.push_back({local.address.family(), {}, false, {}, false, false, {}});
    }
    waiting->restored_as = external(record.relayed.front());
    report_opened(*waiting->allocation, waiting->restored_as, out);
    open_relays(pending_.add(std::move(waiting)), record.relayed, now, out);
    return true;
}

}  // namespace turnpike::core
