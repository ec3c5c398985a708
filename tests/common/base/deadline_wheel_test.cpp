#include "common/base/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace turnpike {
namespace {

using Wheel = DeadlineWheel<int>;
constexpr Nanoseconds kTick = Wheel::kTick;
constexpr Nanoseconds kTurn = kTick * Wheel::kSlots;
constexpr Instant kStart{5000s};

std::vector<int> advance(Wheel& wheel, Instant now) {
    std::vector<int> due;
    wheel.advance(now, [&](int value) { due.push_back(value); });
    std::ranges::sort(due);
    return due;
}

TEST(DeadlineWheel, FiresAtTheDeadlineAndNotBefore) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart + 3s, 7);
    EXPECT_EQ(wheel.armed(), 1U);
    EXPECT_TRUE(advance(wheel, kStart + 3s - 1ns).empty());
    EXPECT_EQ(advance(wheel, kStart + 3s), std::vector{7});
    EXPECT_EQ(wheel.armed(), 0U);
    EXPECT_TRUE(advance(wheel, kStart + kTurn * 3).empty()) << "and once only";
}

// A deadline inside a tick fires when the tick ends.
TEST(DeadlineWheel, IsLessThanOneTickLate) {
    for (const Nanoseconds part : {Nanoseconds{0}, Nanoseconds{1}, kTick / 2, kTick - 1ns}) {
        Wheel wheel;
        advance(wheel, kStart);
        const Instant deadline = kStart + 10s + part;
        wheel.arm(deadline, 1);
        EXPECT_TRUE(advance(wheel, deadline - 1ns).empty());
        EXPECT_EQ(advance(wheel, deadline + kTick - 1ns).size(), 1U) << part.count();
    }
}

TEST(DeadlineWheel, WaitsMoreThanOneTurn) {
    for (const Nanoseconds wait : {kTurn - kTick, kTurn, kTurn + kTick, kTurn * 2, Nanoseconds{600s}, Nanoseconds{12h}}) {
        Wheel wheel;
        advance(wheel, kStart);
        wheel.arm(kStart + wait, 1);
        for (Instant now = kStart; now < kStart + wait; now += kTurn / 4) EXPECT_TRUE(advance(wheel, now).empty());
        EXPECT_TRUE(advance(wheel, kStart + wait - 1ns).empty());
        EXPECT_EQ(advance(wheel, kStart + wait).size(), 1U) << wait.count();
    }
}

TEST(DeadlineWheel, AnOverdueDeadlineFiresAtTheNextAdvance) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart - 1h, 1);
    wheel.arm(kStart, 2);
    wheel.arm(Instant{}, 3);
    EXPECT_EQ(advance(wheel, kStart), (std::vector{1, 2, 3}));
}

// Deadlines may be armed, and end, before the first advance().
TEST(DeadlineWheel, FiresWhatWasArmedBeforeItsFirstAdvance) {
    Wheel wheel;
    wheel.arm(kStart + 1s, 1);
    wheel.arm(kStart + 5s, 2);
    wheel.arm(kStart - 1000s, 3);
    wheel.arm(kStart + 100s, 4);
    EXPECT_EQ(advance(wheel, kStart + 6s), (std::vector{1, 2, 3}));
    EXPECT_EQ(advance(wheel, kStart + 100s), std::vector{4});

    Wheel near_zero;
    near_zero.arm(Instant{} + 50ms, 1);
    near_zero.arm(Instant{} + 150ms, 2);
    EXPECT_TRUE(advance(near_zero, Instant{}).empty());
    EXPECT_EQ(advance(near_zero, Instant{} + 200ms), (std::vector{1, 2}));
}

TEST(DeadlineWheel, ALongPauseLosesNothing) {
    for (const Nanoseconds pause : {kTurn - kTick, kTurn, kTurn + kTick, kTurn * 50 + 7ms}) {
        Wheel wheel;
        advance(wheel, kStart);
        for (int i = 0; i < 3000; ++i) wheel.arm(kStart + 70ms * i, i);
        const std::vector<int> after = advance(wheel, kStart + pause);
        std::vector<int> want;  // those that ended a whole tick ago
        for (int i = 0; i < 3000 && 70ms * i + kTick <= pause; ++i) want.push_back(i);
        EXPECT_TRUE(std::ranges::includes(after, want));
        EXPECT_EQ(after.size() + wheel.armed(), 3000U);
        EXPECT_EQ(advance(wheel, kStart + pause + 300s).size(), 3000 - after.size());
    }
}

TEST(DeadlineWheel, ACancelledDeadlineDoesNotFire) {
    Wheel wheel;
    advance(wheel, kStart);
    const auto first = wheel.arm(kStart + 1s, 1);
    const auto second = wheel.arm(kStart + 1s, 2);
    const auto third = wheel.arm(kStart + 1s, 3);
    wheel.cancel(second);
    EXPECT_EQ(wheel.armed(), 2U);
    EXPECT_EQ(advance(wheel, kStart + 1s), (std::vector{1, 3}));
    wheel.cancel(first);
    wheel.cancel(third);
    EXPECT_EQ(wheel.armed(), 0U);
}

TEST(DeadlineWheel, AStaleHandleIsHarmless) {
    Wheel wheel;
    wheel.cancel({});
    advance(wheel, kStart);
    const auto stale = wheel.arm(kStart + 1s, 1);
    wheel.cancel(stale);
    const auto reused = wheel.arm(kStart + 2s, 2);
    wheel.cancel(stale);
    wheel.cancel(stale);
    EXPECT_EQ(wheel.armed(), 1U) << "the one that took its place lives";
    EXPECT_TRUE(reused);
    EXPECT_FALSE(Wheel::Handle{});
    EXPECT_EQ(advance(wheel, kStart + 2s), std::vector{2});
}

TEST(DeadlineWheel, RearmMovesTheDeadline) {
    Wheel wheel;
    advance(wheel, kStart);
    auto handle = wheel.arm(kStart + 1s, 1);
    handle = wheel.rearm(handle, kStart + 3s, 10);
    EXPECT_EQ(wheel.armed(), 1U);
    EXPECT_TRUE(advance(wheel, kStart + 2s).empty());
    EXPECT_EQ(advance(wheel, kStart + 3s), std::vector{10});

    handle = wheel.rearm(handle, kStart + 4s, 11);  // stale by now: arms anew
    EXPECT_EQ(advance(wheel, kStart + 4s), std::vector{11});
    handle = wheel.arm(kStart + 9s, 12);
    wheel.rearm(handle, kStart + 5s, 13);  // earlier, too
    EXPECT_EQ(advance(wheel, kStart + 5s), std::vector{13});
    EXPECT_TRUE(advance(wheel, kStart + 20s).empty());
}

TEST(DeadlineWheel, TheCallbackMayArm) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart + 1s, 3);
    std::vector<int> seen;
    const auto again = [&](int left) {
        seen.push_back(left);
        if (left > 0) wheel.arm(kStart + Seconds{4 - left} + 1s, left - 1);
    };
    for (int second = 1; second <= 4; ++second) wheel.advance(kStart + Seconds{second}, again);
    EXPECT_EQ(seen, (std::vector{3, 2, 1, 0}));
    EXPECT_EQ(wheel.armed(), 0U);
}

// A callback that arms what is due already does not keep advance() from coming back.
TEST(DeadlineWheel, ArmingInThePastInsideTheCallbackEnds) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart + 1s, 0);
    int calls = 0;
    const auto again = [&](int value) {
        ++calls;
        wheel.arm(kStart, value);
    };
    wheel.advance(kStart + 1s, again);
    const int first = calls;
    EXPECT_GE(first, 1);
    EXPECT_LE(first, 2);
    wheel.advance(kStart + 1s, again);
    EXPECT_GT(calls, first) << "it is there for the next one";
    EXPECT_EQ(wheel.armed(), 1U);
}

TEST(DeadlineWheel, ArmingAWholeTurnAheadInsideTheCallbackIsNotDueYet) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart + 1s, 0);
    int calls = 0;
    wheel.advance(kStart + 1s, [&](int) {
        ++calls;
        wheel.arm(kStart + 1s + kTurn, 1);  // the very same slot
    });
    EXPECT_EQ(calls, 1);
    EXPECT_TRUE(advance(wheel, kStart + 1s + kTurn - 1ns).empty());
    EXPECT_EQ(advance(wheel, kStart + 1s + kTurn), std::vector{1});
}

TEST(DeadlineWheel, TheCallbackMayCancelTheOthersThatAreDue) {
    Wheel wheel;
    advance(wheel, kStart);
    std::vector<Wheel::Handle> handles;
    for (int i = 0; i < 10; ++i) handles.push_back(wheel.arm(kStart + 1s, i));
    int calls = 0;
    wheel.advance(kStart + 1s, [&](int) {
        ++calls;
        for (const auto handle : handles) wheel.cancel(handle);
        wheel.arm(kStart + 2s, 100);  // takes the place of a cancelled one
    });
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(advance(wheel, kStart + 2s), std::vector{100});
}

TEST(DeadlineWheel, AsksForTheNextAdvanceOnlyWhenSomethingIsArmed) {
    Wheel wheel;
    EXPECT_FALSE(wheel.next_deadline(kStart));
    advance(wheel, kStart);
    const auto handle = wheel.arm(kStart + 10s, 1);
    ASSERT_TRUE(wheel.next_deadline(kStart));
    EXPECT_GT(*wheel.next_deadline(kStart), kStart);
    EXPECT_LE(*wheel.next_deadline(kStart), kStart + 10s + kTick);
    wheel.cancel(handle);
    EXPECT_FALSE(wheel.next_deadline(kStart));
}

// Whoever sleeps until next_deadline() is woken for what is due, not for each tick or turn of the wheel.
TEST(DeadlineWheel, SleepsUntilTheFirstDeadlineIsDue) {
    Wheel wheel;
    Instant now = kStart;
    advance(wheel, now);
    wheel.arm(kStart + 600s, 1);
    wheel.arm(kStart + 1000s + 30ms, 2);
    const auto cancelled = wheel.arm(kStart + 5s, 3);
    wheel.cancel(cancelled);
    std::vector<int> fired;
    int wakes = 0;
    for (auto next = wheel.next_deadline(now); next; next = wheel.next_deadline(now), ++wakes) {
        ASSERT_GT(*next, now);
        now = *next;
        for (const int value : advance(wheel, now)) fired.push_back(value);
    }
    EXPECT_EQ(fired, (std::vector{1, 2}));
    EXPECT_EQ(now, kStart + 1000s + kTick);
    EXPECT_EQ(wakes, 3);  // two that were due, one that was cancelled
}

TEST(DeadlineWheel, WhatIsOverdueIsDueNow) {
    Wheel wheel;
    advance(wheel, kStart);
    wheel.arm(kStart - 1s, 1);
    EXPECT_EQ(wheel.next_deadline(kStart), kStart);
    EXPECT_EQ(advance(wheel, kStart), std::vector{1});
}

// Against a plain ordered map: never early, never a tick late, nothing lost, nothing twice.
TEST(DeadlineWheel, AgreesWithANaiveModel) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const auto below = [&](std::int64_t bound) { return std::uniform_int_distribution<std::int64_t>{0, bound - 1}(random); };

    for (int round = 0; round < 30; ++round) {
        Wheel wheel;
        Instant now = Instant{} + Nanoseconds{below(10'000'000'000'000)};
        struct Armed {
            Instant deadline;
            Wheel::Handle handle;
        };
        std::map<int, Armed> model;
        int next = 0;
        const auto some_deadline = [&] {
            const std::int64_t reach[] = {0, 1'000'000, 300'000'000, 20'000'000'000, 400'000'000'000};
            return now - 1s + Nanoseconds{below(reach[below(5)] + 1'100'000'000)};
        };
        const auto arm = [&](Instant deadline) {
            model[next] = {deadline, wheel.arm(deadline, next)};
            ++next;
        };

        for (int step = 0; step < 400; ++step) {
            for (std::int64_t i = below(6); i > 0; --i) arm(some_deadline());
            if (!model.empty() && below(3) == 0) {
                auto victim = std::next(model.begin(), below(static_cast<std::int64_t>(model.size())));
                if (below(2) == 0) {
                    wheel.cancel(victim->second.handle);
                    model.erase(victim);
                } else {
                    const Instant deadline = some_deadline();
                    victim->second = {deadline, wheel.rearm(victim->second.handle, deadline, victim->first)};
                }
            }
            const std::int64_t pauses[] = {1, 10'000'000, 100'000'000, 5'000'000'000, 500'000'000'000};
            now += Nanoseconds{below(pauses[below(step % 50 == 0 ? 5 : 4)]) + 1};

            wheel.advance(now, [&](int value) {
                const auto at = model.find(value);
                ASSERT_NE(at, model.end()) << "fired twice, or after a cancel";
                EXPECT_LE(at->second.deadline, now) << "early";
                model.erase(at);
                if (below(4) == 0) arm(now + Nanoseconds{1 + below(200'000'000'000)});
            });
            for (const auto& [value, armed] : model) {
                ASSERT_GT(armed.deadline + kTick, now) << "late: " << value;
            }
            ASSERT_EQ(wheel.armed(), model.size());
            const auto wake = wheel.next_deadline(now);
            ASSERT_EQ(wake.has_value(), !model.empty());
            for (const auto& [value, armed] : model) {
                ASSERT_LT(*wake, std::max(now, armed.deadline) + kTick) << "it would sleep over " << value;
            }
        }
    }
}

}  // namespace
}  // namespace turnpike
