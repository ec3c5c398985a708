// RFC 8656 §11.2, Receiving a Send Indication. Whatever is wrong with it, nobody is told.

#include "turn/core/attributes_known.hpp"
#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;

void Machine::on_send(const Path& path, const stun::MessageView& message, Instant now, Outbox& out) {
    Allocation* allocation = table_.find(path.tuple);
    if (allocation == nullptr || allocation->expires_at <= now || allocation->protocol != RelayProtocol::Udp) {
        ++counters_.dropped_no_allocation;
        return;
    }
    const auto data = message.find(Attribute::Data);
    const auto peer_value = message.find(Attribute::XorPeerAddress);
    const auto said_peer =
        peer_value ? stun::decode_xor_address(*peer_value, message.transaction_id()) : std::nullopt;
    if (!data || !said_peer || !unknown_attributes(message).empty()) {
        ++counters_.dropped_malformed;
        return;
    }

    const Endpoint peer = external(*said_peer);
    if (!allocation->permissions.live(peer.address, now)) {
        ++counters_.dropped_no_permission;
        return;
    }
    const PeerPolicy& policy = policy_->for_realm(allocation->realm());
    if (!policy.check(peer.address, allocation->credential->relay_peers_only()) || !policy.allows_port(peer)) {
        ++counters_.dropped_policy;
        return;
    }
    const Relayed* relayed = allocation->relayed_of(peer.address.family());
    const auto destination = shared_.relays.destination(peer);
    if (relayed == nullptr || !destination) {
        ++counters_.dropped_not_live;
        return;
    }
    if (!within_rates(*allocation, data->size(), now)) return;
    count_to_peer(*allocation, data->size());
    if (allocation->is_next(path.tuple)) client_arrived(path.tuple, out);
    out.add(SendToPeer{relayed->relay, destination->endpoint, destination->home, *data,
                       message.has(Attribute::DontFragment)});
}

}  // namespace turnpike::core
