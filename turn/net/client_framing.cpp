#include "turn/net/client_framing.hpp"

#include "turn/stun/message_builder.hpp"

namespace turnpike::net {
namespace {

constexpr std::size_t kAttributeHeader = 4;
constexpr std::size_t kStunLengthMax = 0xFFFC;

ByteView frame_data_indication(ByteSpan payload, const Endpoint& peer, IndicationIds& ids) noexcept {
    const std::size_t address_value = peer.address.is_v4() ? 8 : 20;
    const std::size_t in_front = stun::kHeaderSize + kAttributeHeader + address_value + kAttributeHeader;
    const std::size_t padding = (4 - payload.size() % 4) % 4;
    const std::size_t length = in_front - stun::kHeaderSize + payload.size() + padding;
    if (payload.size() > 0xFFFF || length > kStunLengthMax) return {};

    std::uint8_t* const start = payload.data() - in_front;
    const ByteSpan message{start, in_front + payload.size() + padding};
    const auto id = ids.next();
    // Header and XOR-PEER-ADDRESS come from the builder; DATA is already where it belongs.
    stun::MessageBuilder builder{message.first(in_front - kAttributeHeader), stun::Class::Indication,
                                 stun::Method::Data, id};
    builder.xor_address(stun::Attribute::XorPeerAddress, peer);
    if (!builder.ok()) return {};
    store_u16(message, in_front - 4, static_cast<std::uint16_t>(stun::Attribute::Data));
    store_u16(message, in_front - 2, static_cast<std::uint16_t>(payload.size()));
    std::memset(start + in_front + payload.size(), 0, padding);
    store_u16(message, 2, static_cast<std::uint16_t>(length));
    return message;
}

}  // namespace

ByteView frame_for_client(ByteSpan payload, const core::ToClient& to, IndicationIds& ids) noexcept {
    if (!to.channel) return frame_data_indication(payload, to.peer, ids);
    if (payload.size() > 0xFFFF) return {};
    const ByteSpan message{payload.data() - stun::ChannelDataView::kHeaderSize,
                           payload.size() + stun::ChannelDataView::kHeaderSize};
    stun::write_channel_data_header(message.first(stun::ChannelDataView::kHeaderSize), to.channel, payload.size());
    return message;
}

}  // namespace turnpike::net
