// RFC 8656 §8.2, Receiving a Refresh Request.

#include <algorithm>

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

void Machine::on_refresh(Request& request) {
    // RFC 8016 §3.2: a ticket stands for the allocation of another 5-tuple.
    const auto ticket = request.message.find(Attribute::MobilityTicket);
    if (ticket && !config_.mobility) return refuse(request, ErrorCode::MobilityForbidden);
    if (ticket && ticket->size() == 0) return refuse(request, ErrorCode::BadRequest);
    if (request.others) return refuse(request, ErrorCode::WrongCredentials);
    const bool moves = request.moving != nullptr;
    if (moves) request.allocation = request.moving;
    if (!owns_allocation(request)) return;
    Allocation& allocation = *request.allocation;
    if (moves && allocation.realm() != realm_of(request.path, nullptr)) return refuse(request, ErrorCode::WrongCredentials);
    if (ticket && !Secret::same(*ticket, allocation.uncommon().ticket)) return refuse(request, ErrorCode::AllocationMismatch);

    std::optional<std::uint32_t> lifetime;
    if (const auto value = request.message.find(Attribute::Lifetime)) {
        lifetime = stun::decode_lifetime(*value);
        if (!lifetime) return refuse(request, ErrorCode::BadRequest);
    }
    const Relayed* one_family = nullptr;
    if (const auto value = request.message.find(Attribute::RequestedAddressFamily)) {
        const auto family = stun::decode_address_family(*value);
        if (!family) return refuse(request, ErrorCode::BadRequest);
        if (*family != 1 && *family != 2) return refuse(request, ErrorCode::AddressFamilyNotSupported);
        one_family = allocation.relayed_of(static_cast<Family>(*family));
        if (one_family == nullptr) return refuse(request, ErrorCode::PeerAddressFamilyMismatch);
    }

    const bool end = lifetime && *lifetime == 0;
    Nanoseconds granted{0};
    if (!end) {
        // Both families of a dual allocation live equally long, so a refresh of one refreshes both.
        granted = within_authorization(granted_lifetime(config_, lifetime, request.now - allocation.opened_at),
                                       allocation.uncommon().authorized_until, request.now);
        allocation.expires_at = request.now + granted;
        arm(allocation, allocation.expires_at);
    }
    changed(allocation);

    // The connection that it waited for, on the very 5-tuple of the old one.
    if (ticket && allocation.tuple() == request.path.tuple) allocation.path = request.path;

    const bool closes = end && (one_family == nullptr || allocation.relayed.size() == 1);
    Reply reply{request.envelope, stun::Class::Success};
    reply.message().u32(Attribute::Lifetime, lifetime_seconds(granted));
    if (ticket && !closes) {
        // Good once: the next move needs the one that goes with this answer.
        give_ticket(allocation);
        reply.message().bytes(Attribute::MobilityTicket, allocation.uncommon().ticket);
    }
    const ByteView answer = reply.send(request.out);
    count_success(stun::Method::Refresh);
    if (ticket) retransmissions_.remember(request.path.tuple, request.message, answer, request.now);
    if (moves && !closes) {
        expect_client_at(allocation, request.path);
        remember_nonce(allocation, as_text(*request.message.find(Attribute::Nonce)), request.path.tuple);
    }
    if (!end) return;

    if (!closes) {
        end_family(allocation, one_family->local.address.family(), request.out);
        return;
    }
    if (!ticket) retransmissions_.remember(request.path.tuple, request.message, answer, request.now);
    close(allocation, CloseReason::Refreshed0, request.now, request.out);
}

// The other family goes on; peers of this one are out of reach.
void Machine::end_family(Allocation& allocation, Family family, Outbox& out) {
    const auto gone = std::ranges::find_if(
        allocation.relayed, [&](const Relayed& one) { return one.local.address.family() == family; });
    close_connections(
        allocation, [&](const Connection& one) { return one.peer.address.family() == family; }, out);
    close_relay(*gone, out);
    allocation.relayed.erase(gone);
    allocation.permissions.erase_if([&](const IpAddress& peer, Instant) { return peer.family() == family; });
    allocation.channels.erase_if(
        [&](const Channels::Channel& channel) { return channel.peer.address.family() == family; });
}

}  // namespace turnpike::core
