#include "benchmarks/load/packet_framing.hpp"

#include <gtest/gtest.h>

#include <array>

#include "turn/stun/attributes.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::bench {
namespace {

FleetMember member(const char* peer, std::uint16_t channel) {
    return {.client = {}, .relayed = {}, .peer = *Endpoint::parse(peer), .channel = channel};
}

// What seal() makes around `size` bytes of 7.
Bytes sealed(Framing framing, const FleetMember& to, std::size_t size) {
    std::array<std::uint8_t, 2048> space{};
    space.fill(0xEE);
    const std::size_t offset = payload_offset(framing, to);
    std::fill_n(space.begin() + static_cast<std::ptrdiff_t>(offset), size, std::uint8_t{7});
    const std::size_t all = seal(space, framing, to, size, 1);
    EXPECT_LE(all, size + kFramingBytesMax);
    return {space.begin(), space.begin() + static_cast<std::ptrdiff_t>(all)};
}

TEST(PacketFraming, ChannelDataHasItsFourBytes) {
    const FleetMember to = member("127.2.0.1:5000", 0x4000);
    const Bytes packet = sealed(Framing::Channels, to, 101);
    EXPECT_EQ(packet.size(), 105U);
    const auto payload = payload_of(packet, to);
    ASSERT_TRUE(payload);
    EXPECT_EQ(Bytes(payload->begin(), payload->end()), Bytes(101, 7));
    EXPECT_FALSE(payload_of(packet, member("127.2.0.1:5000", 0x4001))) << "another channel";
}

TEST(PacketFraming, ASendIndicationIsAWholeMessageForEverySizeAndFamily) {
    for (const char* peer : {"127.2.0.1:5000", "[2001:db8::7]:5000"}) {
        const FleetMember to = member(peer, 0);
        for (std::size_t size = 28; size < 40; ++size) {
            const Bytes packet = sealed(Framing::Send, to, size);
            const auto message = stun::MessageView::parse(packet);
            ASSERT_TRUE(message) << size;
            EXPECT_EQ(message->message_class(), stun::Class::Indication);
            EXPECT_EQ(message->method(), stun::Method::Send);
            EXPECT_EQ(stun::decode_xor_address(*message->find(stun::Attribute::XorPeerAddress),
                                               message->transaction_id()),
                      to.peer);
            const auto data = message->find(stun::Attribute::Data);
            ASSERT_TRUE(data);
            EXPECT_EQ(Bytes(data->begin(), data->end()), Bytes(size, 7));
        }
    }
}

TEST(PacketFraming, ADataIndicationCountsFromThePeerOnly) {
    const FleetMember to = member("127.2.0.1:5000", 0);
    std::array<std::uint8_t, 256> space{};
    const stun::TransactionId id{};
    stun::MessageBuilder message{space, stun::Class::Indication, stun::Method::Data, id};
    message.xor_address(stun::Attribute::XorPeerAddress, to.peer)
        .text(stun::Attribute::Data, "hello");
    const auto payload = payload_of(message.bytes(), to);
    ASSERT_TRUE(payload);
    EXPECT_EQ(as_text(*payload), "hello");
    EXPECT_FALSE(payload_of(message.bytes(), member("127.2.0.2:5000", 0)));
}

}  // namespace
}  // namespace turnpike::bench
