// RFC 6062 §5.4, Receiving a ConnectionBind Request: on a connection of its own, which from then on
// carries the peer's bytes and no messages.

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

namespace {

std::optional<ConnectionId> connection_id_of(const stun::MessageView& message) noexcept {
    const auto value = message.find(Attribute::ConnectionId);
    const auto number = value ? stun::decode_u32(*value) : std::nullopt;
    if (!number) return {};
    return ConnectionId{*number};
}

}  // namespace

// The data connection may have come to any worker; its request is for the one that has the peer.
bool Machine::passes_on(const Path& path, const stun::MessageView& message, Outbox& out) const {
    if (message.method() != stun::Method::ConnectionBind || !is_stream(path.tuple.transport) || knows(path.tuple)) {
        return false;
    }
    const auto id = connection_id_of(message);
    // Without integrity it is challenged where it is.
    const bool authenticates =
        message.has(Attribute::MessageIntegrity) || message.has(Attribute::MessageIntegritySha256);
    if (!id || !authenticates) return false;
    const unsigned owner = worker_of(*id, config_.workers);
    if (owner == config_.worker) return false;
    out.pass_on(path, owner, message.bytes());
    return true;
}

Connection* Machine::connection_of(const stun::MessageView& message) const noexcept {
    const auto id = connection_id_of(message);
    return id ? connections_.find(*id) : nullptr;
}

void Machine::on_connection_bind(Request& request) {
    // Over UDP and DTLS, and on a control connection, there is nothing to bind.
    if (!is_stream(request.path.tuple.transport) || knows(request.path.tuple)) {
        return refuse(request, ErrorCode::BadRequest);
    }
    Connection* const connection = connection_of(request.message);
    if (connection == nullptr || connection->stage != Connection::Stage::Unbound) {
        return refuse(request, ErrorCode::BadRequest);
    }
    // Another user is told no more than that there is no such connection.
    const Allocation& allocation = *connection->allocation;
    const Identity& identity = *request.identity;
    const CredentialEntry& owner = *allocation.credential;
    const bool owns = owner.third_party() == identity.third_party &&
                      (owner.third_party() ? owner.has_keys(identity.keys)  // a token names no user
                                           : owner.username() == identity.username);
    if (!owns || allocation.expires_at <= request.now) return refuse(request, ErrorCode::BadRequest);

    wheel_.cancel(connection->deadline);
    connection->deadline = {};
    connection->stage = Connection::Stage::Bound;
    Reply reply{request.envelope, stun::Class::Success};
    reply.send(request.out);
    request.out.add(BindConnection{connection->id, request.path});
    count_success(stun::Method::ConnectionBind);
}

}  // namespace turnpike::core
