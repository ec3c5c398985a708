// RFC 6062 §5.2, Receiving a Connect Request. The answer waits until the driver has the connection, or
// has not; at most as long as §5.2 says.

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

void Machine::on_connect(Request& request) {
    if (!owns_allocation(request)) return;
    Allocation& allocation = *request.allocation;

    const auto value = request.message.find(Attribute::XorPeerAddress);
    const auto said_peer = value ? stun::decode_xor_address(*value, request.message.transaction_id()) : std::nullopt;
    if (!said_peer || said_peer->port == 0) return refuse(request, ErrorCode::BadRequest);
    // Connections belong to allocations for TCP, as channels belong to those for UDP.
    if (allocation.protocol != RelayProtocol::Tcp) return refuse(request, ErrorCode::Forbidden);

    const Endpoint peer = external(*said_peer);
    const Relayed* relayed = allocation.relayed_of(peer.address.family());
    if (relayed == nullptr) return refuse(request, ErrorCode::PeerAddressFamilyMismatch);
    // The same request again, its answer still to come: over a stream nobody needs to repeat it, and it would be
    // a second connection.
    if (connections_.find(allocation, peer) != nullptr) return refuse(request, ErrorCode::ConnectionAlreadyExists);
    const PeerPolicy& policy = policy_->for_realm(allocation.realm());
    const auto token = policy.check(peer.address, allocation.credential->relay_peers_only());
    const auto destination = shared_.relays.destination(peer, RelayProtocol::Tcp);
    if (!token || !policy.allows_port(peer) || !destination) return refuse(request, ErrorCode::Forbidden);
    if (allocation.uncommon().connections.size() >= config_.connections_max) {
        return refuse(request, ErrorCode::InsufficientCapacity);
    }
    // A peer that it may hear from already is no new one (T11).
    if (!allocation.permissions.live(peer.address, request.now) && !allocation.new_peers.take(config_.new_peers(), 1, request.now)) {
        ++counters_.dropped_new_peers;
        return refuse(request, ErrorCode::InsufficientCapacity);
    }

    Connection& connection = connections_.add(new_connection_id(), allocation, *token, peer);
    connection.stage = Connection::Stage::Connecting;
    connection.answer_to = request.envelope;
    arm(connection, request.now + config_.connect_timeout);
    request.out.add(OpenConnection{connection.id, relayed->relay, destination->endpoint});
}

void Machine::connection_opened(ConnectionId id, std::expected<void, ConnectError> opened, Instant now, Outbox& out) {
    Connection* connection = connections_.find(id);
    if (connection == nullptr || connection->stage != Connection::Stage::Connecting) return;
    if (!opened) {
        const Envelope asked = std::move(*connection->answer_to);
        forget(*connection);
        refuse(asked, opened.error() == ConnectError::NoDescriptors ? ErrorCode::InsufficientCapacity
                                                                    : ErrorCode::ConnectionTimeout, out);
        return;
    }
    connection->stage = Connection::Stage::Unbound;
    arm(*connection, now + config_.bind_timeout);
    Reply reply{*connection->answer_to, stun::Class::Success};
    reply.message().u32(Attribute::ConnectionId, connection->id.value);
    reply.send(out);
    connection->answer_to.reset();
    count_success(stun::Method::Connect);
}

void Machine::connection_closed(ConnectionId id) {
    if (Connection* connection = connections_.find(id)) forget(*connection);
}

ConnectionId Machine::new_connection_id() {
    for (;;) {
        const ConnectionId id = draw_connection_id(random_, config_.worker, config_.workers);
        if (id && connections_.find(id) == nullptr) return id;
    }
}

void Machine::arm(Connection& connection, Instant deadline) {
    connection.deadline = wheel_.rearm(connection.deadline, deadline, Timer::waiting(connection.id));
}

void Machine::forget(Connection& connection) {
    wheel_.cancel(connection.deadline);
    connections_.erase(connection);
}

// Nobody came in time, the peer to Connect or the client to its connection; or the allocation ends.
void Machine::close(Connection& connection, Outbox& out) {
    if (connection.answer_to) refuse(*connection.answer_to, ErrorCode::ConnectionTimeout, out);
    out.add(CloseConnection{connection.id});
    forget(connection);
}

}  // namespace turnpike::core
