#include "common/crypto/system_random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace turnpike::crypto {
namespace {

TEST(SystemRandom, FillsTheWholeSpanWithSomethingElseEachTime) {
    SystemRandom random;
    std::set<std::array<std::uint8_t, 16>> seen;
    for (int i = 0; i < 100; ++i) {
        std::array<std::uint8_t, 16> a{}, b{};
        random.fill_public(a);
        random.fill_secret(b);
        seen.insert(a);
        seen.insert(b);
    }
    EXPECT_EQ(seen.size(), 200U);

    // Each byte of a longer span is written: zero in all of 40 draws has a chance of 256^-40.
    std::array<bool, 33> written{};
    for (int i = 0; i < 40; ++i) {
        std::array<std::uint8_t, 33> bytes{};
        random.fill_public(bytes);
        for (std::size_t at = 0; at < bytes.size(); ++at) written[at] = written[at] || bytes[at] != 0;
    }
    for (const bool each : written) EXPECT_TRUE(each);
}

TEST(SystemRandom, NothingToFillIsFine) {
    SystemRandom random;
    random.fill_public({});
    random.fill_secret({});
}

TEST(SystemRandom, BelowStaysBelow) {
    SystemRandom random;
    std::array<int, 7> counts{};
    for (int i = 0; i < 7000; ++i) ++counts[random.below(7)];
    for (const int count : counts) EXPECT_GT(count, 500);  // 1000 expected, 29 the deviation
}

}  // namespace
}  // namespace turnpike::crypto
