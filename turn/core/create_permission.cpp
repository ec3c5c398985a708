// RFC 8656 §10.2, Receiving a CreatePermission Request: all of its peers, or none.

#include <algorithm>

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

void Machine::on_create_permission(Request& request) {
    if (!owns_allocation(request)) return;
    Allocation& allocation = *request.allocation;

    // A message has at most 64 attributes, so at most 64 peers.
    boost::container::static_vector<IpAddress, 64> peers;
    bool malformed = false;
    request.message.for_each([&](std::uint16_t type, ByteView value) {
        if (type != static_cast<std::uint16_t>(Attribute::XorPeerAddress)) return;
        const auto peer = stun::decode_xor_address(value, request.message.transaction_id());
        malformed = malformed || !peer || peers.size() == peers.capacity();
        if (!malformed) peers.push_back(external(*peer).address);
    });
    if (malformed || peers.empty()) return refuse(request, ErrorCode::BadRequest);

    boost::container::static_vector<PolicyToken, 64> allowed;
    for (const IpAddress& peer : peers) {
        if (allocation.relayed_of(peer.family()) == nullptr) {
            return refuse(request, ErrorCode::PeerAddressFamilyMismatch);
        }
    }
    for (const IpAddress& peer : peers) {
        const auto token = policy_->for_realm(allocation.realm()).check(peer, allocation.credential->relay_peers_only());
        if (!token) return refuse(request, ErrorCode::Forbidden);
        allowed.push_back(*token);
    }
    if (!admits(allocation, allowed, request.now)) return refuse(request, ErrorCode::InsufficientCapacity);

    for (const PolicyToken& token : allowed) install_permission(allocation, token, request.now);
    Reply reply{request.envelope, stun::Class::Success};
    reply.send(request.out);
    count_success(stun::Method::CreatePermission);
}

// Whether the peers fit, in number and in new ones per second: those that have a permission already
// cost neither. Nothing reaches a peer without a permission, so this bounds the addresses that an
// allocation can reach (T11), and costs the data path nothing.
bool Machine::admits(Allocation& allocation, std::span<const PolicyToken> peers, Instant now) {
    boost::container::static_vector<IpAddress, 64> fresh;
    for (const PolicyToken& peer : peers) {
        const bool twice = std::ranges::find(fresh, peer.address()) != fresh.end();
        if (!twice && !allocation.permissions.live(peer.address(), now)) fresh.push_back(peer.address());
    }
    if (fresh.empty()) return true;
    if (allocation.permissions.size() + fresh.size() > config_.permissions_max) sweep(allocation, now);
    if (allocation.permissions.size() + fresh.size() > config_.permissions_max) return false;
    if (allocation.new_peers.take(config_.new_peers(), static_cast<double>(fresh.size()), now)) return true;
    counters_.dropped_new_peers += fresh.size();
    return false;
}

}  // namespace turnpike::core
