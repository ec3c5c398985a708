#include "benchmarks/load/open_schedule.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

constexpr Instant kStart{50s};

TEST(OpenSchedule, SpacesPacketsByTheRateAndGoesRoundTheFlows) {
    const OpenSchedule schedule{kStart, 1000, 1, 3};
    EXPECT_EQ(schedule.due(0), kStart);
    EXPECT_EQ(schedule.due(7), kStart + 7ms);
    EXPECT_EQ(schedule.flow(2), 2U);
    EXPECT_EQ(schedule.flow(3), 0U);
}

TEST(OpenSchedule, NothingIsDueBeforeTheStart) {
    const OpenSchedule schedule{kStart, 1000, 4, 2};
    EXPECT_EQ(schedule.due_by(kStart - 1ns), 0U);
    EXPECT_EQ(schedule.due_by(kStart), 4U);
}

TEST(OpenSchedule, ABurstIsOfOneFlowAndDueAtOnce) {
    const OpenSchedule schedule{kStart, 1000, 4, 2};
    for (std::uint64_t i = 4; i < 8; ++i) {
        EXPECT_EQ(schedule.due(i), kStart + 4ms);
        EXPECT_EQ(schedule.flow(i), 1U);
    }
    EXPECT_EQ(schedule.flow(8), 0U);
    EXPECT_EQ(schedule.due_by(kStart + 4ms - 1ns), 4U);
    EXPECT_EQ(schedule.due_by(kStart + 4ms), 8U);
}

TEST(OpenSchedule, KeepsItsRateForHours) {
    const OpenSchedule schedule{kStart, 333'333, 1, 1};
    const auto packets = static_cast<double>(schedule.due_by(kStart + std::chrono::hours(10)));
    EXPECT_NEAR(packets / (333'333.0 * 36'000), 1, 1e-9);
}

}  // namespace
}  // namespace turnpike::bench
