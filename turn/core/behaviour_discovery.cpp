// RFC 5780 §6.1, a Binding request to a server that helps its clients to learn what their NAT does.
// Nobody is authenticated here, so PADDING never makes an answer bigger than its request.

#include "turn/core/behaviour_discovery.hpp"

#include <algorithm>

#include "turn/core/attributes_known.hpp"
#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

namespace {

// §7.2: CHANGE-REQUEST's two flags.
constexpr std::uint32_t kChangeAddress = 4, kChangePort = 2;
// §6.1: PADDING as long as the outgoing interface's MTU. What clients look for is a fragmented
// answer; 1,500 is what the internet's links take.
constexpr std::size_t kPaddingMax = 1500;
constexpr std::size_t kAttributeHeader = 4, kFingerprint = 8;
constexpr std::size_t kAnswerMax = 2048;

// §7.5: port(2), and two bytes of nothing that some clients leave out.
std::optional<std::uint16_t> decode_response_port(ByteView value) noexcept {
    if ((value.size() != 2 && value.size() != 4) || load_u16(value, 0) == 0) return {};
    return load_u16(value, 0);
}

}  // namespace

bool DiscoverySockets::has(const Endpoint& server) const noexcept {
    const Config::BehaviourDiscovery& on = config_.behaviour_discovery;
    return std::ranges::find(on.addresses, server.address) != on.addresses.end() &&
           std::ranges::find(on.ports, server.port) != on.ports.end();
}

std::optional<DiscoverySockets::Socket> DiscoverySockets::other(const FiveTuple& tuple,
                                                                bool address,
                                                                bool port) const noexcept {
    const Config::BehaviourDiscovery& on = config_.behaviour_discovery;
    Socket socket{tuple.server};
    if (port) socket.address.port = on.ports[0] == tuple.server.port ? on.ports[1] : on.ports[0];
    if (address) {
        const auto second = std::ranges::find_if(on.addresses, [&](const IpAddress& one) {
            return one != tuple.server.address && one.family() == tuple.server.address.family();
        });
        if (second == on.addresses.end()) return {};
        socket.address.address = *second;
    }
    const auto listener = listener_at(socket.address, tuple.transport);
    if (!listener) return {};
    socket.listener = *listener;
    return socket;
}

std::optional<std::uint16_t> DiscoverySockets::listener_at(const Endpoint& address,
                                                           Transport transport) const noexcept {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
        const Config::Listener& listener = config_.listeners[i];
        const IpAddress& bound = listener.address.address;
        const bool covers = bound == address.address ||
                            (bound.is_unspecified() && bound.family() == address.address.family());
        if (covers && listener.transport == transport && listener.address.port == address.port) {
            return static_cast<std::uint16_t>(i);
        }
    }
    return {};
}

void Machine::on_discovery(Request& request) {
    const FiveTuple& tuple = request.path.tuple;
    const bool udp = tuple.transport == Transport::Udp;
    const auto other = discovery_.other(tuple, true, true);
    const bool complete =
        other && discovery_.other(tuple, true, false) && discovery_.other(tuple, false, true);

    // Over TCP an answer cannot leave from or go to anywhere else, nor be fragmented; and nothing
    // is changed where there is no other address.
    const auto understood = [&](std::uint16_t type) {
        switch (static_cast<Attribute>(type)) {
            case Attribute::ChangeRequest:
                return udp && complete;
            case Attribute::ResponsePort:
            case Attribute::Padding:
                return udp;
            default:
                return false;
        }
    };
    UnknownTypes unknown = unknown_attributes(request.message);
    unknown.erase(std::remove_if(unknown.begin(), unknown.end(), understood), unknown.end());
    if (refuse_attributes(request, unknown)) return;

    Path way = request.path;
    if (const auto value = request.message.find(Attribute::ChangeRequest)) {
        const auto flags = stun::decode_u32(*value);
        if (!flags) return refuse(request, ErrorCode::BadRequest);
        const bool address = (*flags & kChangeAddress) != 0, port = (*flags & kChangePort) != 0;
        if (address || port) {
            const auto from =
                discovery_.other(tuple, address, port);  // there, since it is complete
            way.tuple.server = from->address;
            way.listener = from->listener;
        }
    }
    const auto padding = request.message.find(Attribute::Padding);
    if (const auto value = request.message.find(Attribute::ResponsePort)) {
        const auto port = decode_response_port(*value);
        if (!port || padding) return refuse(request, ErrorCode::BadRequest);  // §7.5: not both
        way.tuple.client.port = *port;
    }

    std::array<std::uint8_t, kAnswerMax> space;
    stun::MessageBuilder message{space, stun::Class::Success, stun::Method::Binding,
                                 request.envelope.transaction};
    message.xor_address(Attribute::XorMappedAddress, tuple.client)
        .address(Attribute::ResponseOrigin, external(way.tuple.server));
    if (other) message.address(Attribute::OtherAddress, external(other->address));
    if (padding) {
        const std::size_t taken = message.bytes().size() + kAttributeHeader +
                                  (request.envelope.fingerprint ? kFingerprint : 0);
        const std::size_t asked = request.message.bytes().size();
        const std::size_t room = asked > taken ? (asked - taken) / 4 * 4 : 0;
        const std::array<std::uint8_t, kPaddingMax> zeroes{};
        message.bytes(Attribute::Padding, ByteView{zeroes}.first(std::min(room, kPaddingMax)));
    }
    if (request.envelope.fingerprint) message.fingerprint();
    request.out.send(way, message.bytes());
    count_success(stun::Method::Binding);
}

}  // namespace turnpike::core
