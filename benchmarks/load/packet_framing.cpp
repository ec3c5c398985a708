#include "benchmarks/load/packet_framing.hpp"

#include <algorithm>
#include <array>

#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/demux.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kAttributeHeader = 4;

// header(20) XOR-PEER-ADDRESS(4 + 8 or 20) DATA(4)
std::size_t indication_head(const FleetMember& member) noexcept {
    return stun::kHeaderSize + kAttributeHeader + (member.peer.address.is_v4() ? 8 : 20) +
           kAttributeHeader;
}

}  // namespace

std::size_t payload_offset(Framing framing, const FleetMember& member) noexcept {
    return framing == Framing::Channels ? stun::ChannelDataView::kHeaderSize
                                        : indication_head(member);
}

std::size_t seal(ByteSpan out, Framing framing, const FleetMember& member, std::size_t size,
                 std::uint64_t number) noexcept {
    if (framing == Framing::Channels) {
        store_u16(out, 0, member.channel);
        store_u16(out, 2, static_cast<std::uint16_t>(size));
        return stun::ChannelDataView::kHeaderSize + size;
    }
    // The DATA attribute is written around the payload that is in its place already.
    const std::size_t head = indication_head(member), padded = (size + 3) & ~std::size_t{3};
    stun::TransactionId id{};
    store_u64(id, 0, number);
    stun::MessageBuilder message{out, stun::Class::Indication, stun::Method::Send, id};
    message.xor_address(stun::Attribute::XorPeerAddress, member.peer);
    store_u16(out, head - 4, static_cast<std::uint16_t>(stun::Attribute::Data));
    store_u16(out, head - 2, static_cast<std::uint16_t>(size));
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(head + size),
              out.begin() + static_cast<std::ptrdiff_t>(head + padded), std::uint8_t{0});
    store_u16(out, 2, static_cast<std::uint16_t>(head + padded - stun::kHeaderSize));
    return head + padded;
}

std::optional<ByteView> payload_of(ByteView bytes, const FleetMember& member) noexcept {
    if (stun::classify(bytes) == stun::Kind::ChannelData) {
        const auto data = stun::ChannelDataView::parse(bytes);
        if (!data || data->channel != member.channel) return {};
        return data->data;
    }
    const auto message = stun::MessageView::parse(bytes);
    if (!message || message->message_class() != stun::Class::Indication ||
        message->method() != stun::Method::Data)
        return {};
    const auto data = message->find(stun::Attribute::Data),
               from = message->find(stun::Attribute::XorPeerAddress);
    // What comes from elsewhere than the peer is not this client's traffic.
    if (!data || !from || stun::decode_xor_address(*from, message->transaction_id()) != member.peer)
        return {};
    return *data;
}

}  // namespace turnpike::bench
