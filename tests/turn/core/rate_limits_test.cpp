#include "turn/core/rate_limits.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"
#include "tests/turn/core/heap_counter_support.hpp"

namespace turnpike::test {
namespace {

int answered(TurnClient& client, Method method, int times) {
    int answers = 0;
    for (int i = 0; i < times; ++i) answers += client.send(client.plain(method)).has_value();
    return answers;
}

// Security 5.1: a burst, then so many per second.
TEST(RateLimits, LetABurstPassAndThenTheRate) {
    core::RateLimits limits{10, 50, {1, 2}};
    const Instant start{100s};
    int passed = 0;
    for (int i = 0; i < 1000; ++i) passed += limits.take(ip("192.0.2.1"), start);
    EXPECT_EQ(passed, 50);
    EXPECT_FALSE(limits.take(ip("192.0.2.1"), start + 99ms));
    EXPECT_TRUE(limits.take(ip("192.0.2.1"), start + 100ms));
    EXPECT_FALSE(limits.take(ip("192.0.2.1"), start + 100ms));
    passed = 0;
    for (int i = 0; i < 1000; ++i) passed += limits.take(ip("192.0.2.1"), start + 1h);
    EXPECT_EQ(passed, 50);
}

TEST(RateLimits, CountPerAddressOrSlash64) {
    core::RateLimits limits{1, 1, {1, 2}};
    const Instant start{100s};
    EXPECT_TRUE(limits.take(ip("192.0.2.1"), start));
    EXPECT_TRUE(limits.take(ip("192.0.2.2"), start));
    EXPECT_FALSE(limits.take(ip("192.0.2.1"), start));
    EXPECT_TRUE(limits.take(ip("2001:db8:1:2::1"), start));
    EXPECT_FALSE(limits.take(ip("2001:db8:1:2:ffff::9"), start));
    EXPECT_TRUE(limits.take(ip("2001:db8:1:3::1"), start));
}

TEST(RateLimits, OfZeroAreNone) {
    core::RateLimits limits{0, 0, {1, 2}};
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.take(ip("192.0.2.1"), Instant{100s}));
}

// T31: nothing is kept for a new source.
TEST(RateLimits, KeepNothingForASource) {
    core::RateLimits limits{10, 50, {1, 2}};
    const std::uint64_t before = heap_allocations();
    int passed = 0;
    for (std::uint32_t i = 0; i < 200'000; ++i) passed += limits.take(IpAddress::v4(i), Instant{100s});
    EXPECT_EQ(heap_allocations(), before);
    EXPECT_GT(passed, 199'000);  // a table this full still seldom makes two share a budget
}

TEST(RateLimits, CapChallengesToASource) {
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(answered(client, Method::Allocate, 100), 50);
    EXPECT_EQ(answered(client, Method::Refresh, 5), 0);
    EXPECT_EQ(answered(client, static_cast<Method>(0x0FF), 5), 0);
    EXPECT_EQ(node.server.counters().dropped_rate, 60U);
    TurnClient neighbour{node, "192.0.2.2:40000"};
    EXPECT_EQ(answered(neighbour, Method::Allocate, 1), 1);
    node.pass(1s);
    EXPECT_EQ(answered(client, Method::Allocate, 100), 10);
}

TEST(RateLimits, CapBindingsByThemselves) {
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(answered(client, Method::Binding, 500), 200);
    EXPECT_EQ(answered(client, Method::Allocate, 1), 1);
}

// Security 5.1: who shows a nonce of ours is where it says, and is not counted.
TEST(RateLimits, LetAProvenSourcePass) {
    TurnNode node;
    TurnClient client{node};
    client.learn(client.send(client.plain(Method::Allocate)));
    EXPECT_EQ(answered(client, Method::Allocate, 100), 49);
    client.password = "wrong";
    for (int i = 0; i < 100; ++i) EXPECT_EQ(client.send(client.signed_request(Method::Allocate))->code(), 401);
    client.nonce = std::string(15, 'A');
    EXPECT_FALSE(client.send(client.signed_request(Method::Allocate)));
}

TEST(RateLimits, DoNotCountStreams) {
    TurnNode node;
    TurnClient client{node, "192.0.2.1:1", Transport::Tcp};
    EXPECT_EQ(answered(client, Method::Allocate, 300), 300);
    EXPECT_EQ(answered(client, Method::Binding, 300), 300);
}

TEST(RateLimits, DoNotCountExemptSources) {
    NodeOptions options;
    options.config.rate_exempt = {cidr("192.0.2.0/25")};
    TurnNode node{options};
    TurnClient inside{node, "192.0.2.127:1"}, outside{node, "192.0.2.128:1"};
    EXPECT_EQ(answered(inside, Method::Allocate, 300), 300);
    EXPECT_EQ(answered(outside, Method::Allocate, 300), 50);
}

}  // namespace
}  // namespace turnpike::test
