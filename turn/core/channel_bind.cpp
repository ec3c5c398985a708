// RFC 8656 §12.2, Receiving a ChannelBind Request.

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

void Machine::on_channel_bind(Request& request) {
    if (!owns_allocation(request)) return;
    Allocation& allocation = *request.allocation;
    // Channels and Send are for datagrams (RFC 6062 §4): Connect is how a peer is reached over TCP.
    if (allocation.protocol != RelayProtocol::Udp) return refuse(request, ErrorCode::Forbidden);

    const auto number_value = request.message.find(Attribute::ChannelNumber);
    const auto peer_value = request.message.find(Attribute::XorPeerAddress);
    if (!number_value || !peer_value) return refuse(request, ErrorCode::BadRequest);
    const auto raw_number = stun::decode_channel_number(*number_value);
    const auto said_peer = stun::decode_xor_address(*peer_value, request.message.transaction_id());
    if (!raw_number || !said_peer) return refuse(request, ErrorCode::BadRequest);
    const auto number = stun::ChannelNumber::from_wire(*raw_number, config_.channel_range);
    if (!number) return refuse(request, ErrorCode::BadRequest);

    const Endpoint peer = external(*said_peer);
    if (!allocation.channels.may_bind(*number, peer, request.now)) return refuse(request, ErrorCode::BadRequest);
    if (allocation.relayed_of(peer.address.family()) == nullptr) {
        return refuse(request, ErrorCode::PeerAddressFamilyMismatch);
    }
    const PeerPolicy& policy = policy_->for_realm(allocation.realm());
    const auto token = policy.check(peer.address, allocation.credential->relay_peers_only());
    if (!token || !policy.allows_port(peer) || !shared_.relays.destination(peer)) {
        return refuse(request, ErrorCode::Forbidden);
    }

    const bool fresh = allocation.channels.find(number->value(), request.now) == nullptr;
    if (fresh && allocation.channels.size() >= config_.channels_max) sweep(allocation, request.now);
    if ((fresh && allocation.channels.size() >= config_.channels_max) ||
        !admits(allocation, {&*token, 1}, request.now)) {
        return refuse(request, ErrorCode::InsufficientCapacity);
    }

    // Binding and refreshing are the same write. The permission it installs lasts five minutes although
    // the channel lasts ten; keeping it alive is the client's business.
    const Instant until = request.now + config_.channel_lifetime;
    allocation.channels.bind(*number, peer, *token, until, hash_key_);
    arm(allocation, until);
    changed(allocation);
    install_permission(allocation, *token, request.now);

    Reply reply{request.envelope, stun::Class::Success};
    reply.send(request.out);
    count_success(stun::Method::ChannelBind);
}

}  // namespace turnpike::core
