#include "common/base/token_bucket.hpp"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

constexpr Instant kStart{1000s};

TEST(TokenBucket, LetsTheBurstPassAtOnceAndNoMore) {
    TokenBucket bucket{10, 5};
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(1, kStart)) << i;
    EXPECT_FALSE(bucket.take(1, kStart));
}

TEST(TokenBucket, RefillsAtItsRate) {
    TokenBucket bucket{10, 5};
    ASSERT_TRUE(bucket.take(5, kStart));
    EXPECT_FALSE(bucket.take(1, kStart + 99ms));
    EXPECT_TRUE(bucket.take(1, kStart + 101ms));
    EXPECT_FALSE(bucket.take(1, kStart + 150ms));
}

TEST(TokenBucket, NeverHoldsMoreThanTheBurst) {
    TokenBucket bucket{10, 5};
    ASSERT_TRUE(bucket.take(5, kStart));
    EXPECT_TRUE(bucket.take(5, kStart + 24h));
    EXPECT_FALSE(bucket.take(0.5, kStart + 24h));
}

TEST(TokenBucket, KeepsWhatItRefuses) {
    TokenBucket bucket{1, 5};
    EXPECT_FALSE(bucket.take(6, kStart)) << "over the burst: never";
    EXPECT_TRUE(bucket.take(5, kStart)) << "the refusal cost nothing";
}

TEST(TokenBucket, WithoutARateEverythingPasses) {
    TokenBucket unlimited;
    EXPECT_FALSE(unlimited.limited());
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(unlimited.take(1e9, kStart));
    EXPECT_TRUE((TokenBucket{1, 1}.limited()));
}

// The clock's zero is a moment like any other.
TEST(TokenBucket, RefillsFromTheEpochOn) {
    TokenBucket bucket{10, 5};
    ASSERT_TRUE(bucket.take(5, Instant{}));
    EXPECT_TRUE(bucket.take(5, Instant{} + 500ms));
}

TEST(TokenBucket, TimeThatGoesBackGivesNothing) {
    TokenBucket bucket{10, 5};
    ASSERT_TRUE(bucket.take(5, kStart));
    EXPECT_FALSE(bucket.take(1, kStart - 10s));
    EXPECT_FALSE(bucket.take(1, kStart));
    EXPECT_TRUE(bucket.take(1, kStart + 200ms));
}

// A thousand small steps give what one long one does.
TEST(TokenBucket, DoesNotDependOnHowOftenItIsAsked) {
    TokenBucket often{10, 1000};
    ASSERT_TRUE(often.take(1000, kStart));
    for (int i = 1; i <= 10'000; ++i) EXPECT_FALSE(often.take(500, kStart + Milliseconds{i}));
    EXPECT_TRUE(often.take(99.9, kStart + 10s));
    EXPECT_FALSE(often.take(1, kStart + 10s));
}

}  // namespace
}  // namespace turnpike
