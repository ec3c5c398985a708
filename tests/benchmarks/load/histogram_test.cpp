#include "benchmarks/load/histogram.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

TEST(Histogram, IsZeroWhileEmpty) {
    const Histogram histogram;
    EXPECT_EQ(histogram.percentile(50), Nanoseconds::zero());
    EXPECT_EQ(histogram.max(), Nanoseconds::zero());
}

TEST(Histogram, IsExactBelowTheFirstRowAndWithinOnePercentAbove) {
    for (std::int64_t ns = 1; ns < 4'000'000'000; ns = ns * 3 + 1) {
        Histogram histogram;
        histogram.add(Nanoseconds{ns});
        histogram.add(Nanoseconds{ns * 100});  // so that the maximum does not cap the median
        const auto median = static_cast<double>(histogram.percentile(50).count());
        const auto value = static_cast<double>(ns);
        EXPECT_GE(median, value);
        EXPECT_LE(median, ns < 256 ? value : value * 1.01) << ns;
    }
}

TEST(Histogram, RanksByCount) {
    Histogram histogram;
    for (int i = 1; i <= 1000; ++i) histogram.add(std::chrono::microseconds(i));
    EXPECT_NEAR(static_cast<double>(histogram.percentile(50).count()), 500e3, 5e3);
    EXPECT_NEAR(static_cast<double>(histogram.percentile(99).count()), 990e3, 10e3);
    EXPECT_EQ(histogram.percentile(100), 1ms);
}

TEST(Histogram, TakesNegativeAndHugeValuesAtItsEnds) {
    Histogram histogram;
    histogram.add(Nanoseconds{-5});
    histogram.add(Nanoseconds::max());
    EXPECT_EQ(histogram.total(), 2U);
    EXPECT_EQ(histogram.percentile(50), Nanoseconds::zero());
}

}  // namespace
}  // namespace turnpike::bench
