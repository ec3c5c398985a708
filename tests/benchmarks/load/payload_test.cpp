#include "benchmarks/load/payload.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

constexpr Payload kPayload{
    .flow = 1, .sequence = 0x0123456789, .scheduled = Instant{Nanoseconds{1'234'567'890'123}}};

TEST(Payload, ComesBackAsItWasWritten) {
    for (const std::size_t size : {Payload::kSizeMin, std::size_t{160}, Payload::kSizeMax}) {
        Bytes bytes(size);
        kPayload.write(bytes);
        const auto read = Payload::read(bytes);
        ASSERT_TRUE(read) << size;
        EXPECT_EQ(read->flow, kPayload.flow);
        EXPECT_EQ(read->sequence, kPayload.sequence);
        EXPECT_EQ(read->scheduled, kPayload.scheduled);
    }
}

TEST(Payload, IsRefusedWithAnyBitChanged) {
    Bytes bytes(64);
    kPayload.write(bytes);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        Bytes damaged = bytes;
        damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
        EXPECT_FALSE(Payload::read(damaged)) << "bit " << bit;
    }
}

TEST(Payload, IsRefusedWhenCutOrLengthened) {
    Bytes bytes(64);
    kPayload.write(bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(Payload::read(ByteView{bytes}.first(size))) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(Payload::read(bytes));
}

}  // namespace
}  // namespace turnpike::bench
