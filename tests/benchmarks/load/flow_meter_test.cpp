#include "benchmarks/load/flow_meter.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

FlowMeter sent(int count) {
    FlowMeter meter;
    for (int i = 0; i < count; ++i) meter.sent();
    return meter;
}

TEST(FlowMeter, CountsWhatDidNotArriveAsLost) {
    FlowMeter meter = sent(4);
    meter.received(0, 1us);
    meter.received(3, 1us);
    EXPECT_EQ(meter.received_count(), 2U);
    EXPECT_EQ(meter.lost(), 2U);
    EXPECT_EQ(meter.reordered(), 0U);
}

TEST(FlowMeter, ADuplicateIsNoSecondArrival) {
    FlowMeter meter = sent(2);
    meter.received(0, 1us);
    meter.received(0, 1us);
    EXPECT_EQ(meter.received_count(), 1U);
    EXPECT_EQ(meter.duplicated(), 1U);
    EXPECT_EQ(meter.lost(), 1U);
}

TEST(FlowMeter, CountsTheLateOneAsReordered) {
    FlowMeter meter = sent(3);
    meter.received(0, 1us);
    meter.received(2, 1us);
    meter.received(1, 1us);
    EXPECT_EQ(meter.reordered(), 1U);
    EXPECT_EQ(meter.lost(), 0U);
}

TEST(FlowMeter, TwoAddUp) {
    FlowMeter one = sent(2), two = sent(3);
    one.received(1, 1ms);
    two.received(2, 3ms);
    two.damaged();
    one.add(two);
    EXPECT_EQ(one.sent_count(), 5U);
    EXPECT_EQ(one.lost(), 3U);
    EXPECT_EQ(one.damaged_count(), 1U);
    EXPECT_EQ(one.latency().total(), 2U);
    EXPECT_EQ(one.latency().max(), 3ms);
}

}  // namespace
}  // namespace turnpike::bench
