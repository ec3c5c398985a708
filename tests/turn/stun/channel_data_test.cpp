#include "turn/stun/channel_data.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike::stun {
namespace {

using test::from_hex;

// RFC 8656 §12: 0x4000 to 0x4FFF.
TEST(ChannelNumber, HasTheRangeOfRfc8656) {
    for (unsigned number = 0; number <= 0xFFFF; ++number) {
        const auto channel = ChannelNumber::from_wire(static_cast<std::uint16_t>(number), ChannelRange::Rfc8656);
        EXPECT_EQ(channel.has_value(), number >= 0x4000 && number <= 0x4FFF) << number;
        if (channel) {
            EXPECT_EQ(channel->value(), number);
        }
    }
}

// RFC 5766 §11: 0x4000 to 0x7FFF.
TEST(ChannelNumber, HasTheOldRangeWhereAskedFor) {
    for (unsigned number = 0; number <= 0xFFFF; ++number) {
        const auto channel = ChannelNumber::from_wire(static_cast<std::uint16_t>(number), ChannelRange::Rfc5766);
        EXPECT_EQ(channel.has_value(), number >= 0x4000 && number <= 0x7FFF) << number;
    }
}

TEST(ChannelNumber, IsNoChannelByDefault) {
    EXPECT_FALSE(ChannelNumber{});
    EXPECT_EQ(ChannelNumber{}.value(), 0);
    EXPECT_TRUE(*ChannelNumber::from_wire(0x4000, ChannelRange::Rfc8656));
}

// §12.4
TEST(ChannelData, IsReadInPlace) {
    const Bytes datagram = from_hex("40 01 00 05 68 65 6c 6c 6f");
    const auto message = ChannelDataView::parse(datagram);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->channel, 0x4001);
    EXPECT_EQ(as_text(message->data), "hello");
    EXPECT_EQ(message->data.data(), datagram.data() + 4);
}

TEST(ChannelData, MayBeEmpty) {
    const Bytes datagram = from_hex("4fff0000");
    const auto message = ChannelDataView::parse(datagram);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->channel, 0x4FFF);
    EXPECT_TRUE(message->data.empty());
}

// §12.5: over UDP padding is not required, but may be there, and is no part of the data.
TEST(ChannelData, LeavesPaddingOut) {
    for (std::size_t padding = 0; padding <= 3; ++padding) {
        Bytes datagram = from_hex("40 01 00 05 68 65 6c 6c 6f");
        datagram.resize(datagram.size() + padding);
        const auto message = ChannelDataView::parse(datagram);
        ASSERT_TRUE(message);
        EXPECT_EQ(as_text(message->data), "hello");
    }
}

TEST(ChannelData, EachTruncationFails) {
    const Bytes whole = from_hex("40 01 00 05 68 65 6c 6c 6f");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(ChannelDataView::parse(cut)) << size;
    }
    EXPECT_TRUE(ChannelDataView::parse(whole));
}

TEST(ChannelData, RefusesALengthPastTheEnd) {
    for (const std::uint16_t length : std::initializer_list<std::uint16_t>{6, 9, 0x7FFF, 0xFFFC, 0xFFFF}) {
        Bytes datagram = from_hex("40 01 00 00 68 65 6c 6c 6f");
        store_u16(datagram, 2, length);
        EXPECT_FALSE(ChannelDataView::parse(datagram)) << length;
    }
}

TEST(ChannelData, TakesTheLongestData) {
    Bytes datagram(4 + 0xFFFF);
    store_u16(datagram, 0, 0x4000);
    store_u16(datagram, 2, 0xFFFF);
    const auto message = ChannelDataView::parse(datagram);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->data.size(), 0xFFFFU);
    EXPECT_FALSE(ChannelDataView::parse(ByteView{datagram}.first(datagram.size() - 1)));
}

TEST(ChannelData, TheHeaderReadsBack) {
    Bytes datagram(4 + 300, 0xAA);
    const auto channel = *ChannelNumber::from_wire(0x4ABC, ChannelRange::Rfc8656);
    write_channel_data_header(ByteSpan{datagram}.first(4), channel, 300);
    const auto message = ChannelDataView::parse(datagram);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->channel, channel.value());
    EXPECT_EQ(message->data.size(), 300U);
}

}  // namespace
}  // namespace turnpike::stun
