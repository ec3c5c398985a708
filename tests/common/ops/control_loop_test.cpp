#include "common/ops/control_loop.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>
#include <vector>

namespace turnpike::ops {
namespace {

TEST(ControlLoop, RunsWhatOtherThreadsPostInOrder) {
    ControlLoop loop;
    std::vector<int> seen;
    std::thread poster{[&] {
        for (int i = 0; i < 100; ++i) loop.post([&seen, i] { seen.push_back(i); });
        loop.post([&] { loop.stop(); });
    }};
    loop.run();
    poster.join();
    ASSERT_EQ(seen.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(ControlLoop, StopsWhenToldBeforeItRuns) {
    ControlLoop loop;
    loop.stop();
    loop.run();
    SUCCEED();
}

TEST(ControlLoop, TurnsTimers) {
    ControlLoop loop;
    int ticks = 0;
    bool once = false;
    loop.after(1ms, [&] { once = true; });
    loop.every(1ms, [&] {
        if (++ticks == 3) loop.stop();
    });
    loop.run();
    EXPECT_EQ(ticks, 3);
    EXPECT_TRUE(once);
}

TEST(ControlLoop, ReloadsOnHangupAndStopsOnTerm) {
    ControlLoop loop;
    int reloads = 0;
    loop.handle_usual_signals([&] {
        ++reloads;
        std::raise(SIGTERM);
    });
    loop.post([] { std::raise(SIGHUP); });
    loop.run();
    EXPECT_EQ(reloads, 1);
}

}  // namespace
}  // namespace turnpike::ops
