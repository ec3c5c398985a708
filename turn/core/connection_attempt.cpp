// RFC 6062 §5.3, Receiving an Incoming TCP Connection at a relayed address, and what the bytes of a
// connection cost.

#include "turn/core/machine.hpp"

namespace turnpike::core {

using stun::Attribute;

std::optional<ConnectionId> Machine::peer_connected(RelayId relay, const Endpoint& source, Instant now, Outbox& out) {
    Allocation* const allocation = slots_.find(relay);
    if (allocation == nullptr || allocation->protocol != RelayProtocol::Tcp || allocation->expires_at <= now) {
        ++counters_.dropped_no_allocation;
        return {};
    }
    const Endpoint peer = external(source);
    if (!allocation->permissions.live(peer.address, now)) {
        ++counters_.dropped_no_permission;
        return {};
    }
    const auto token = policy_->for_realm(allocation->realm()).check(peer.address, allocation->credential->relay_peers_only());
    if (!token || allocation->uncommon().connections.size() >= config_.connections_max) {
        ++counters_.dropped_policy;
        return {};
    }

    Connection& connection = connections_.add(new_connection_id(), *allocation, *token, peer);
    arm(connection, now + config_.bind_timeout);

    stun::TransactionId transaction{};
    random_.fill_public(transaction);
    std::array<std::uint8_t, 64> space;
    stun::MessageBuilder attempt{space, stun::Class::Indication, stun::Method::ConnectionAttempt, transaction};
    attempt.xor_address(Attribute::XorPeerAddress, peer).u32(Attribute::ConnectionId, connection.id.value);
    out.send(allocation->path, attempt.bytes());
    return connection.id;
}

std::size_t Machine::relayable(ConnectionId id, std::size_t at_most, Instant now) noexcept {
    const Connection* const connection = connections_.find(id);
    if (connection == nullptr || connection->allocation->expires_at <= now) return 0;
    Allocation::Rates* const rates = connection->allocation->rates.get();
    if (rates == nullptr) return at_most;
    return rates->packets.available(1, now) == 0 ? 0 : rates->bandwidth.available(at_most, now);
}

void Machine::relayed(ConnectionId id, Direction direction, std::size_t size, Instant now) noexcept {
    const Connection* const connection = connections_.find(id);
    if (connection == nullptr) return;
    Allocation& allocation = *connection->allocation;
    if (allocation.rates) {
        allocation.rates->packets.spend(1, now);
        allocation.rates->bandwidth.spend(static_cast<double>(size), now);
    }
    if (direction == Direction::ToPeer) return count_to_peer(allocation, size);
    for (Traffic* traffic : {&allocation.traffic, &counters_.traffic}) {
        ++traffic->packets_to_client;
        traffic->bytes_to_client += size;
    }
}

}  // namespace turnpike::core
