#include "turn/net/icmp_error.hpp"

#include <gtest/gtest.h>

#include "turn/net/internet_checksum.hpp"

namespace turnpike::net {
namespace {

const Endpoint kOurs4 = Endpoint::parse("192.0.2.1:50000").value(), kPeer4 = Endpoint::parse("198.51.100.7:4000").value();
const Endpoint kOurs6 = Endpoint::parse("[2001:db8::1]:50000").value(), kPeer6 = Endpoint::parse("[2001:db8:7::7]:4000").value();

void append(Bytes& to, ByteView bytes) {
    for (const std::uint8_t byte : bytes) to.push_back(byte);
}

// The header of a UDP datagram of ours, and eight bytes of it.
Bytes quoted4(std::size_t options = 0, std::uint16_t fragment = 0) {
    Bytes bytes(20 + options);
    bytes[0] = static_cast<std::uint8_t>(0x45 + options / 4);
    store_u16(bytes, 6, fragment);
    bytes[9] = 17;
    std::copy_n(kOurs4.address.bytes().begin(), 4, bytes.begin() + 12);
    std::copy_n(kPeer4.address.bytes().begin(), 4, bytes.begin() + 16);
    Bytes udp(8);
    store_u16(udp, 0, kOurs4.port);
    store_u16(udp, 2, kPeer4.port);
    append(bytes, udp);
    return bytes;
}
Bytes quoted6() {
    Bytes bytes(40);
    bytes[0] = 0x60;
    bytes[6] = 17;
    std::copy_n(kOurs6.address.bytes().begin(), 16, bytes.begin() + 8);
    std::copy_n(kPeer6.address.bytes().begin(), 16, bytes.begin() + 24);
    Bytes udp(8);
    store_u16(udp, 0, kOurs6.port);
    store_u16(udp, 2, kPeer6.port);
    append(bytes, udp);
    return bytes;
}

Bytes packet4(std::uint8_t type, std::uint8_t code, const Bytes& quoted, std::uint16_t mtu = 0) {
    Bytes icmp{type, code, 0, 0, 0, 0, 0, 0};
    store_u16(icmp, 6, mtu);
    append(icmp, quoted);
    InternetChecksum sum;
    sum.add(icmp);
    const std::uint16_t field = sum.field();
    std::memcpy(icmp.data() + 2, &field, 2);
    Bytes packet(20);
    packet[0] = 0x45;
    packet[9] = 1;
    append(packet, icmp);
    return packet;
}
Bytes packet6(std::uint8_t type, std::uint8_t code, const Bytes& quoted, std::uint32_t mtu = 0) {
    Bytes icmp{type, code, 0, 0, 0, 0, 0, 0};
    store_u32(icmp, 4, mtu);
    append(icmp, quoted);
    return icmp;
}

TEST(IcmpErrorTest, SaysWhoSentTheDatagramAndWhatBecameOfIt) {
    const auto unreachable = IcmpError::parse(packet4(3, 3, quoted4()), Family::V4);
    ASSERT_TRUE(unreachable);
    EXPECT_EQ(kOurs4, unreachable->sender);
    EXPECT_EQ((PeerError{kPeer4, 3, 3, 0}), unreachable->error);

    const auto too_big = IcmpError::parse(packet4(3, 4, quoted4(), 1400), Family::V4);
    ASSERT_TRUE(too_big);
    EXPECT_EQ((PeerError{kPeer4, 3, 4, 1400}), too_big->error);

    const auto exceeded = IcmpError::parse(packet4(11, 0, quoted4(8)), Family::V4);
    ASSERT_TRUE(exceeded) << "with options in the quoted header";
    EXPECT_EQ((PeerError{kPeer4, 11, 0, 0}), exceeded->error);

    const auto unreachable6 = IcmpError::parse(packet6(1, 4, quoted6()), Family::V6);
    ASSERT_TRUE(unreachable6);
    EXPECT_EQ(kOurs6, unreachable6->sender);
    EXPECT_EQ((PeerError{kPeer6, 1, 4, 0}), unreachable6->error);
    const auto too_big6 = IcmpError::parse(packet6(2, 0, quoted6(), 1300), Family::V6);
    ASSERT_TRUE(too_big6);
    EXPECT_EQ((PeerError{kPeer6, 2, 0, 1300}), too_big6->error);
}

TEST(IcmpErrorTest, IsNothingWhereAnythingIsMissing) {
    const Bytes whole4 = packet4(3, 3, quoted4()), whole6 = packet6(1, 4, quoted6());
    // The ports are the last that is needed: four of the eight bytes of UDP that are quoted.
    for (std::size_t size = 0; size < whole6.size() - 4; ++size) {
        EXPECT_FALSE(IcmpError::parse(ByteView{whole6}.first(size), Family::V6)) << size;
    }
    for (std::size_t size = 0; size < whole4.size() - 4; ++size) {
        EXPECT_FALSE(IcmpError::parse(ByteView{whole4}.first(size), Family::V4)) << size;
    }
    for (std::size_t size = 0; size < quoted4().size() - 4; ++size) {
        const Bytes quoted = quoted4();
        EXPECT_FALSE(IcmpError::parse(packet4(3, 3, {quoted.begin(), quoted.begin() + static_cast<std::ptrdiff_t>(size)}), Family::V4)) << size;
    }
}

TEST(IcmpErrorTest, IsNothingForOtherMessages) {
    EXPECT_FALSE(IcmpError::parse(packet4(8, 0, quoted4()), Family::V4)) << "an echo request";
    EXPECT_FALSE(IcmpError::parse(packet4(5, 0, quoted4()), Family::V4)) << "a redirect";
    EXPECT_FALSE(IcmpError::parse(packet6(129, 0, quoted6()), Family::V6)) << "an echo reply";
    EXPECT_FALSE(IcmpError::parse(packet6(0, 0, quoted6()), Family::V6));
    EXPECT_FALSE(IcmpError::parse(packet4(3, 3, quoted4(0, 1)), Family::V4)) << "a later fragment has no ports";
    Bytes tcp4 = quoted4(), tcp6 = quoted6(), v6_in_v4 = quoted4();
    tcp4[9] = 6;
    tcp6[6] = 6;
    v6_in_v4[0] = 0x65;
    EXPECT_FALSE(IcmpError::parse(packet4(3, 3, tcp4), Family::V4));
    EXPECT_FALSE(IcmpError::parse(packet6(1, 4, tcp6), Family::V6));
    EXPECT_FALSE(IcmpError::parse(packet4(3, 3, v6_in_v4), Family::V4));
    Bytes short_header = packet4(3, 3, quoted4());
    short_header[0] = 0x44;
    EXPECT_FALSE(IcmpError::parse(short_header, Family::V4));
}

TEST(IcmpErrorTest, IsNothingWhenDamaged) {
    Bytes packet = packet4(3, 3, quoted4());
    packet[packet.size() - 1] ^= 1;
    EXPECT_FALSE(IcmpError::parse(packet, Family::V4));
}

}  // namespace
}  // namespace turnpike::net
