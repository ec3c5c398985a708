// RFC 8656 §8.2, Receiving a Refresh Request.

#include <algorithm>

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

void Machine::on_refresh(Request& request) {
    if (!owns_allocation(request)) return;
    Allocation& allocation = *request.allocation;

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
                                       allocation.authorized_until, request.now);
        allocation.expires_at = request.now + granted;
        arm_expiry(allocation);
    }

    Reply reply{request.envelope, stun::Class::Success};
    reply.message().u32(Attribute::Lifetime, lifetime_seconds(granted));
    const ByteView answer = reply.send(request.out);
    count_success(stun::Method::Refresh);
    if (!end) return;

    if (one_family != nullptr && allocation.relayed.size() > 1) {
        end_family(allocation, one_family->local.address.family(), request.out);
        return;
    }
    retransmissions_.remember(request.path.tuple, request.message, answer, request.now);
    close(allocation, CloseReason::Refreshed0, request.now, request.out);
}

// The other family goes on; peers of this one are out of reach.
void Machine::end_family(Allocation& allocation, Family family, Outbox& out) {
    const auto gone = std::ranges::find_if(
        allocation.relayed, [&](const Relayed& one) { return one.local.address.family() == family; });
    close_relay(*gone, out);
    allocation.relayed.erase(gone);
    allocation.permissions.erase_if([&](const IpAddress& peer, Instant) { return peer.family() == family; });
    allocation.channels.erase_if(
        [&](const Channels::Channel& channel) { return channel.peer.address.family() == family; });
}

}  // namespace turnpike::core
