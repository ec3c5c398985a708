#include "turn/net/batch_pacer.hpp"

#include <gtest/gtest.h>

namespace turnpike::net {
namespace {

// `each` datagrams per wake at a steady rate for a while: how many of the wakes waited.
double waiting_share(double per_second, std::size_t each) {
    BatchPacer pacer;
    Instant now{1000s};
    std::uint64_t datagrams = 0;
    const Nanoseconds gap{static_cast<std::int64_t>(1e9 * static_cast<double>(each) / per_second)};
    int waited = 0, wakes = 0;
    for (const Instant end = now + 100ms; now < end; now += gap) {
        datagrams += each;
        const bool waits = pacer.after_wake(now, datagrams) > Nanoseconds::zero();
        if (now < Instant{1000s} + 20ms) continue;  // it has to notice first
        ++wakes;
        waited += waits ? 1 : 0;
    }
    return static_cast<double>(waited) / wakes;
}

TEST(BatchPacerTest, WaitsOnlyUnderLoad) {
    EXPECT_EQ(0.0, waiting_share(1'000, 1));
    EXPECT_EQ(0.0, waiting_share(50'000, 1)) << "a call's latency comes before a core's ease";
    EXPECT_EQ(1.0, waiting_share(100'000, 1));
    EXPECT_EQ(1.0, waiting_share(300'000, 3));
}

TEST(BatchPacerTest, DoesNotWaitWhereWakesBringEnough) {
    EXPECT_EQ(0.0, waiting_share(100'000, BatchPacer::kFew));
    EXPECT_EQ(0.0, waiting_share(300'000, 64));
}

TEST(BatchPacerTest, NoticesTheEndOfLoad) {
    BatchPacer pacer;
    Instant now{1000s};
    std::uint64_t datagrams = 0;
    for (int i = 0; i < 10'000; ++i) pacer.after_wake(now += 10us, ++datagrams);
    EXPECT_EQ(BatchPacer::kWait, pacer.after_wake(now += 10us, ++datagrams));
    // One datagram in 20 ms: the window that just ended was nearly empty.
    EXPECT_EQ(Nanoseconds::zero(), pacer.after_wake(now += 20ms, ++datagrams));
    // And after a long silence the first one is not held up.
    EXPECT_EQ(Nanoseconds::zero(), pacer.after_wake(now += 10s, ++datagrams));
}

}  // namespace
}  // namespace turnpike::net
