#include "benchmarks/load/statistics.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

TEST(Summary, HasMedianAndQuartiles) {
    const Summary odd = Summary::of({5, 1, 4, 2, 3});
    EXPECT_EQ(odd.count, 5U);
    EXPECT_DOUBLE_EQ(odd.median, 3);
    EXPECT_DOUBLE_EQ(odd.low, 2);
    EXPECT_DOUBLE_EQ(odd.high, 4);
    EXPECT_DOUBLE_EQ(Summary::of({1, 2}).median, 1.5);
    EXPECT_DOUBLE_EQ(Summary::of({7}).high, 7);
    EXPECT_EQ(Summary::of({}).count, 0U);
}

// Exact values: the two most extreme arrangements of C(10, 5) = 252, and of C(6, 3) = 20.
TEST(MannWhitney, IsExactForSmallSamples) {
    EXPECT_NEAR(mann_whitney({1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}), 2.0 / 252, 1e-12);
    EXPECT_NEAR(mann_whitney({6, 7, 8, 9, 10}, {1, 2, 3, 4, 5}), 2.0 / 252, 1e-12);
    EXPECT_NEAR(mann_whitney({1, 2, 3}, {4, 5, 6}), 0.1, 1e-12);
    EXPECT_NEAR(mann_whitney({1, 3, 5}, {2, 4, 6}), 0.7, 1e-12);
}

TEST(MannWhitney, SeesNoDifferenceWhereThereIsNone) {
    EXPECT_DOUBLE_EQ(mann_whitney({1, 1, 1}, {1, 1, 1}), 1);
    EXPECT_DOUBLE_EQ(mann_whitney({}, {1, 2}), 1);
    EXPECT_GT(mann_whitney({1, 2, 3, 4}, {1, 2, 3, 4}), 0.9);
}

TEST(MannWhitney, TakesTiesAndLargeSamples) {
    std::vector<double> low, high;
    for (int i = 0; i < 30; ++i) {
        low.push_back(i % 10);
        high.push_back(i % 10 + 5);
    }
    EXPECT_LT(mann_whitney(low, high), 1e-5);
    EXPECT_GT(mann_whitney(low, low), 0.9);
}

}  // namespace
}  // namespace turnpike::bench
