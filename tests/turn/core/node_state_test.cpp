#include "turn/core/node_state.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace turnpike::core {
namespace {

TEST(AllocationQuota, CountsByRealmAndSubject) {
    AllocationQuota quota;
    EXPECT_TRUE(quota.reserve("r", "a", 2, 0));
    EXPECT_TRUE(quota.reserve("r", "a", 2, 0));
    EXPECT_FALSE(quota.reserve("r", "a", 2, 0));
    EXPECT_TRUE(quota.reserve("r", "b", 2, 0));
    EXPECT_TRUE(quota.reserve("s", "a", 2, 0));
    EXPECT_TRUE(quota.reserve("ra", "", 2, 0));  // not the same as realm "r", subject "a"
    EXPECT_EQ(quota.of("r", "a"), 2U);
    EXPECT_EQ(quota.total(), 5U);
    quota.release("r", "a");
    EXPECT_TRUE(quota.reserve("r", "a", 2, 0));
}

TEST(AllocationQuota, CountsTheWholeNode) {
    AllocationQuota quota;
    EXPECT_TRUE(quota.reserve("r", "a", 0, 2));
    EXPECT_TRUE(quota.reserve("r", "b", 0, 2));
    EXPECT_FALSE(quota.reserve("r", "c", 0, 2));
    EXPECT_EQ(quota.of("r", "c"), 0U);
    quota.restore("r", "c");  // was there before: not asked
    EXPECT_EQ(quota.total(), 3U);
    quota.release("r", "c");
    quota.release("r", "c");  // more than there is: nothing
    EXPECT_EQ(quota.total(), 2U);
}

TEST(AllocationQuota, IsExactBetweenThreads) {
    AllocationQuota quota;
    std::atomic<int> granted{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 2000; ++k) {
                    if (quota.reserve("r", "a", 50, 0)) ++granted;
                    if (k % 3 == 0 && granted.load() > 0 && quota.of("r", "a") > 40) {
                        quota.release("r", "a");
                        --granted;
                    }
                }
            });
        }
    }
    EXPECT_EQ(quota.of("r", "a"), static_cast<std::uint32_t>(granted.load()));
    EXPECT_EQ(quota.total(), quota.of("r", "a"));
    EXPECT_LE(quota.total(), 50U);
}

TEST(Revocations, HoldUntilTheirEnd) {
    Revocations revocations;
    const WallTime now = from_unix_seconds(1'700'000'000);
    EXPECT_FALSE(revocations.revoked("r", "a", now));
    revocations.revoke("r", "a", now + 10s);
    EXPECT_TRUE(revocations.revoked("r", "a", now));
    EXPECT_TRUE(revocations.revoked("r", "a", now + 10s - 1ms));
    EXPECT_FALSE(revocations.revoked("r", "a", now + 10s));
    EXPECT_FALSE(revocations.revoked("s", "a", now));
    EXPECT_FALSE(revocations.revoked("r", "b", now));

    revocations.revoke("r", "a", now + 5s);  // never shortens one
    EXPECT_TRUE(revocations.revoked("r", "a", now + 9s));
    revocations.revoke("q", "z", now + 20s);
    const auto listed = revocations.list();
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].realm, "q");
    EXPECT_EQ(listed[1].subject, "a");
    EXPECT_EQ(listed[1].until, now + 10s);

    revocations.forget_before(now + 10s);
    EXPECT_EQ(revocations.list().size(), 1U);
    revocations.forget_before(now + 20s);
    EXPECT_TRUE(revocations.list().empty());
}

}  // namespace
}  // namespace turnpike::core
