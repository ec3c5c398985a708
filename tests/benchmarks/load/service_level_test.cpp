#include "benchmarks/load/service_level.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

Measurement run(std::uint64_t sent, std::uint64_t received, Nanoseconds latency) {
    Measurement m;
    m.delivery.sent = sent;
    for (std::uint64_t i = 0; i < received; ++i)
        m.delivery.arrived(FlowMeter::Arrival::New, 160, latency);
    return m;
}

TEST(ServiceLevel, BoundsLoss) {
    const auto level = ServiceLevel::parse("loss<0.1%");
    ASSERT_TRUE(level);
    EXPECT_TRUE(level->holds(run(10000, 9991, 1ms)));
    EXPECT_FALSE(level->holds(run(10000, 9990, 1ms)));
    EXPECT_TRUE(ServiceLevel::parse("loss<0%")->holds(run(10, 10, 1ms)));
    EXPECT_FALSE(ServiceLevel::parse("loss<0%")->holds(run(10, 9, 1ms)));
}

TEST(ServiceLevel, BoundsPercentiles) {
    for (const char* text : {"p50<5ms", "p99.9<5000us", "max<0.005s"}) {
        const auto level = ServiceLevel::parse(text);
        ASSERT_TRUE(level) << text;
        EXPECT_TRUE(level->holds(run(100, 100, 4ms))) << text;
        EXPECT_FALSE(level->holds(run(100, 100, 6ms))) << text;
        EXPECT_FALSE(level->holds(run(100, 0, 4ms))) << text << ": nothing came";
    }
}

TEST(ServiceLevel, RefusesWhatItDoesNotKnow) {
    for (const char* text : {"", "loss", "loss<", "loss<1", "loss<-1%", "loss<101%", "p99<5",
                             "p99<ms", "p101<5ms", "pp<5ms", "q99<5ms", "p99>5ms", "p99<5 ms"}) {
        EXPECT_FALSE(ServiceLevel::parse(text)) << text;
    }
}

TEST(ServiceLevel, NamesTheFirstThatBreaks) {
    const std::vector<ServiceLevel> levels{*ServiceLevel::parse("loss<1%"),
                                           *ServiceLevel::parse("p99<1ms")};
    EXPECT_EQ(first_broken(levels, run(100, 100, 2ms)), "p99<1ms");
    EXPECT_EQ(first_broken(levels, run(100, 50, 2ms)), "loss<1%");
    EXPECT_EQ(first_broken(levels, run(100, 100, 500us)), "");
}

}  // namespace
}  // namespace turnpike::bench
