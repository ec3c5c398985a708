#include "turn/net/internet_checksum.hpp"

#include <gtest/gtest.h>

#include <random>

namespace turnpike::net {
namespace {

// RFC 1071 §4.1, as it is written there.
std::uint16_t reference(const Bytes& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += std::uint32_t{bytes[i]} << 8;
        if (i + 1 < bytes.size()) sum += bytes[i + 1];
    }
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

std::uint16_t in_host_order(std::uint16_t field) {
    std::uint8_t bytes[2];
    std::memcpy(bytes, &field, 2);
    return load_u16(bytes, 0);
}

TEST(InternetChecksumTest, IsTheReferencesForEveryLengthAndPlace) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random{seed};
    for (std::size_t size = 0; size < 300; ++size) {
        Bytes bytes(size + 8);
        for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
        for (std::size_t at = 0; at < 8; ++at) {  // however it is aligned
            const Bytes one{bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + size)};
            InternetChecksum sum;
            sum.add(ByteView{bytes}.subspan(at, size));
            ASSERT_EQ(reference(one), in_host_order(sum.field())) << size << " at " << at;
        }
    }
}

TEST(InternetChecksumTest, PartsAndFieldsAddUp) {
    const Bytes whole{0x12, 0x34, 0xFF, 0xFF, 0x00, 0x11, 0xAB};
    InternetChecksum first, sum;
    first.add(ByteView{whole}.first(2));
    sum.add(std::uint16_t{0xFFFF});
    sum.add(ByteView{whole}.subspan(4));
    sum.add(first);
    EXPECT_EQ(reference(whole), in_host_order(sum.field()));
}

TEST(InternetChecksumTest, AllOnesAndTheLongestDatagramDoNotOverflow) {
    const Bytes ones(65'535, 0xFF);
    InternetChecksum sum;
    sum.add(ones);
    EXPECT_EQ(reference(ones), in_host_order(sum.field()));
}

// RFC 768: a sum of zero is sent as all ones, since zero means that there is none.
TEST(InternetChecksumTest, UdpNeverHasZero) {
    InternetChecksum sum;
    sum.add(std::uint16_t{0xFFFF});
    EXPECT_EQ(0, sum.field());
    EXPECT_EQ(0xFFFF, sum.udp_field());
}

}  // namespace
}  // namespace turnpike::net
