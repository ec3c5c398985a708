#include "turn/net/client_framing.hpp"

#include "turn/stun/channel_data.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::net {
namespace {

constexpr std::size_t kAttributeHeader = 4;
constexpr std::size_t kStunLengthMax = 0xFFFC;

}  // namespace

std::optional<ClientFrame> ClientFrame::around(ByteView payload, const core::ToClient& to, IndicationIds& ids) noexcept {
    ClientFrame frame{payload};
    if (payload.size() > 0xFFFF) return {};
    if (!to.channel) {
        if (!frame.make_data_indication(to.peer, ids)) return {};
        return frame;
    }
    frame.header_size_ = stun::ChannelDataView::kHeaderSize;
    stun::write_channel_data_header(ByteSpan{frame.header_}.first(frame.header_size_), to.channel, payload.size());
    return frame;
}

bool ClientFrame::make_data_indication(const Endpoint& peer, IndicationIds& ids) noexcept {
    const std::size_t address_value = peer.address.is_v4() ? 8 : 20;
    header_size_ = stun::kHeaderSize + kAttributeHeader + address_value + kAttributeHeader;
    padding_ = (4 - payload_.size() % 4) % 4;
    const std::size_t length = header_size_ - stun::kHeaderSize + payload_.size() + padding_;
    if (length > kStunLengthMax) return false;

    // Header and XOR-PEER-ADDRESS come from the builder; DATA's value stays where it is.
    const ByteSpan header{header_};
    stun::MessageBuilder builder{header.first(header_size_ - kAttributeHeader), stun::Class::Indication,
                                 stun::Method::Data, ids.next()};
    builder.xor_address(stun::Attribute::XorPeerAddress, peer);
    store_u16(header, header_size_ - 4, static_cast<std::uint16_t>(stun::Attribute::Data));
    store_u16(header, header_size_ - 2, static_cast<std::uint16_t>(payload_.size()));
    store_u16(header, 2, static_cast<std::uint16_t>(length));
    return builder.ok();
}

}  // namespace turnpike::net
