#include "turn/core/attributes_known.hpp"

#include <algorithm>

namespace turnpike::core {
namespace {

bool understood(std::uint16_t type) noexcept {
    using enum stun::Attribute;
    switch (static_cast<stun::Attribute>(type)) {
        case MappedAddress:
        case Username:
        case MessageIntegrity:
        case ErrorCode:
        case UnknownAttributes:
        case ChannelNumber:
        case Lifetime:
        case XorPeerAddress:
        case Data:
        case Realm:
        case Nonce:
        case XorRelayedAddress:
        case RequestedAddressFamily:
        case EvenPort:
        case RequestedTransport:
        case DontFragment:
        case MessageIntegritySha256:
        case PasswordAlgorithm:
        case Userhash:
        case XorMappedAddress:
        case ConnectionId:
        case ReservationToken: return true;
        default: return false;
    }
}

}  // namespace

UnknownTypes unknown_attributes(const stun::MessageView& message) {
    UnknownTypes unknown;
    message.for_each([&](std::uint16_t type, ByteView) {
        if (!stun::comprehension_required(type) || understood(type)) return;
        if (std::ranges::find(unknown, type) != unknown.end()) return;
        if (unknown.size() < unknown.capacity()) unknown.push_back(type);
    });
    return unknown;
}

}  // namespace turnpike::core
