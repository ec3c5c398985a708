// RFC 8656 §11.5, Receiving an ICMP Packet: the client hears of it, without its payload.

#include "turn/core/machine.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::core {
namespace {

constexpr std::uint8_t kUnreachable4 = 3, kTimeExceeded4 = 11;
constexpr std::uint8_t kUnreachable6 = 1, kTooBig6 = 2, kTimeExceeded6 = 3;

bool is_told(bool v4, const stun::IcmpValue& icmp) noexcept {
    if (v4) return icmp.type == kUnreachable4 || icmp.type == kTimeExceeded4;
    return icmp.type == kUnreachable6 || icmp.type == kTooBig6 || icmp.type == kTimeExceeded6;
}

// §18.13: the next hop's MTU, where the error is that a datagram is larger; else zero.
bool has_mtu(bool v4, const stun::IcmpValue& icmp) noexcept {
    return v4 ? icmp.type == kUnreachable4 && icmp.code == 4 : icmp.type == kTooBig6;
}

}  // namespace

void Machine::on_icmp(RelayId relay, const Endpoint& peer, const stun::IcmpValue& icmp, Instant now, Outbox& out) {
    Allocation* allocation = slots_.find(relay);
    if (allocation == nullptr || allocation->expires_at <= now) {
        ++counters_.dropped_no_allocation;
        return;
    }
    const Endpoint source = external(peer);
    if (!allocation->permissions.live(source.address, now)) {
        ++counters_.dropped_no_permission;
        return;
    }
    const bool v4 = source.address.is_v4();
    if (!is_told(v4, icmp)) {
        ++counters_.dropped_icmp;
        return;
    }
    // A client that sends into a wall hears of it, but not once for each datagram.
    if (!allocation->more().icmp.take(1, now)) {
        ++counters_.dropped_icmp;
        return;
    }
    stun::TransactionId transaction{};
    random_.fill_public(transaction);
    std::array<std::uint8_t, 64> space;
    stun::MessageBuilder message{space, stun::Class::Indication, stun::Method::Data, transaction};
    message.xor_address(stun::Attribute::XorPeerAddress, source)
        .icmp(icmp.type, icmp.code, has_mtu(v4, icmp) ? icmp.data : 0);
    out.send(allocation->path, message.bytes());
    ++counters_.icmp_indications;
}

}  // namespace turnpike::core
