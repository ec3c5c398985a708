#include "benchmarks/load/flow_meter.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

using Arrival = FlowMeter::Arrival;

TEST(FlowMeter, TellsNewFromLateFromDuplicate) {
    FlowMeter meter;
    EXPECT_EQ(meter.received(0, 1us), Arrival::New);
    EXPECT_EQ(meter.received(2, 1us), Arrival::New);
    EXPECT_EQ(meter.received(1, 1us), Arrival::Late);
    EXPECT_EQ(meter.received(1, 1us), Arrival::Duplicate);
    EXPECT_EQ(meter.received(2, 1us), Arrival::Duplicate);
}

TEST(FlowMeter, KnowsDuplicatesToTheEdgeOfItsWindow) {
    for (std::uint64_t newest = FlowMeter::kWindow; newest < 3 * FlowMeter::kWindow; ++newest) {
        FlowMeter meter;
        for (std::uint64_t i = 0; i <= newest; ++i) ASSERT_EQ(meter.received(i, 1us), Arrival::New);
        EXPECT_EQ(meter.received(newest - FlowMeter::kWindow + 1, 1us), Arrival::Duplicate)
            << newest;
        EXPECT_EQ(meter.received(newest - FlowMeter::kWindow, 1us), Arrival::Late) << newest;
    }
}

TEST(FlowMeter, AJumpForgetsWhatIsOutOfTheWindow) {
    FlowMeter meter;
    for (std::uint64_t i = 0; i < 10; ++i) meter.received(i, 1us);
    EXPECT_EQ(meter.received(1000, 1us), Arrival::New);
    for (std::uint64_t i = 1001 - FlowMeter::kWindow; i < 1000; ++i)
        ASSERT_EQ(meter.received(i, 1us), Arrival::Late) << i;
    for (std::uint64_t i = 1001 - FlowMeter::kWindow; i < 1000; ++i)
        ASSERT_EQ(meter.received(i, 1us), Arrival::Duplicate) << i;
}

// RFC 3550 §6.4.1: J += (|D| - J) / 16
TEST(FlowMeter, JitterIsTheRfcs) {
    FlowMeter meter;
    meter.received(0, 1000ns);
    EXPECT_EQ(meter.jitter(), Nanoseconds{0});
    meter.received(1, 2600ns);
    EXPECT_EQ(meter.jitter(), Nanoseconds{100});
    meter.received(2, 1000ns);
    EXPECT_EQ(meter.jitter(), Nanoseconds{193});  // 100 + 1500 / 16
}

}  // namespace
}  // namespace turnpike::bench
