#include "common/base/random.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace turnpike {
namespace {

// Gives the numbers it was told to, in turn.
class Scripted final : public Random {
public:
    explicit Scripted(std::deque<std::uint32_t> numbers) : numbers_(std::move(numbers)) {}
    void fill_public(ByteSpan out) noexcept override {
        for (std::size_t at = 0; at + 4 <= out.size(); at += 4) {
            store_u32(out, at, numbers_.front());
            numbers_.pop_front();
        }
    }
    void fill_secret(ByteSpan out) noexcept override { fill_public(out); }
    std::size_t left() const { return numbers_.size(); }

private:
    std::deque<std::uint32_t> numbers_;
};

TEST(Random, BelowStaysBelow) {
    Scripted random{{0, 1, 9, 10, 11, 4294967289U}};
    EXPECT_EQ(random.below(10), 0U);
    EXPECT_EQ(random.below(10), 1U);
    EXPECT_EQ(random.below(10), 9U);
    EXPECT_EQ(random.below(10), 0U);
    EXPECT_EQ(random.below(10), 1U);
    EXPECT_EQ(random.below(10), 9U);
}

// 2^32 is 429496729 tens and six more: those six would favour 0 to 5.
TEST(Random, BelowDrawsAgainWhereItWouldBeBiased) {
    Scripted random{{UINT32_MAX, 4294967290U, 4294967289U}};
    EXPECT_EQ(random.below(10), 9U);
    EXPECT_EQ(random.left(), 0U) << "both draws over the limit were thrown away";
}

TEST(Random, BelowKnowsItsCorners) {
    Scripted random{{UINT32_MAX, UINT32_MAX, 0x80000000U, UINT32_MAX, 7}};
    EXPECT_EQ(random.below(1), 0U);
    EXPECT_EQ(random.below(1U << 31), (1U << 31) - 1) << "a power of two wastes nothing";
    EXPECT_EQ(random.below(1U << 16), 0U);
    EXPECT_EQ(random.below(UINT32_MAX), 7U) << "the only draw over the limit is thrown away";
}

TEST(Random, PublicNumbersAreBigEndian) {
    Scripted random{{0x01020304, 0x05060708}};
    EXPECT_EQ(random.public_u64(), 0x0102030405060708U);
}

}  // namespace
}  // namespace turnpike
