#include "turn/core/rate_limits.hpp"

#include <gtest/gtest.h>

#include <thread>

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
    ScriptedRandom random;
    core::RateLimits limits{{10, 50}, {}, random};
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
    ScriptedRandom random;
    core::RateLimits limits{{1, 1}, {}, random};
    const Instant start{100s};
    EXPECT_TRUE(limits.take(ip("192.0.2.1"), start));
    EXPECT_TRUE(limits.take(ip("192.0.2.2"), start));
    EXPECT_FALSE(limits.take(ip("192.0.2.1"), start));
    EXPECT_TRUE(limits.take(ip("2001:db8:1:2::1"), start));
    EXPECT_FALSE(limits.take(ip("2001:db8:1:2:ffff::9"), start));
    EXPECT_TRUE(limits.take(ip("2001:db8:1:3::1"), start));
}

// Security 5.1: and so many per second of a /24 or /48, however many addresses somebody has in it.
TEST(RateLimits, CountPerSlash24OrSlash48) {
    ScriptedRandom random;
    core::RateLimits limits{{10, 50}, {200, 400}, random};
    const Instant start{100s};
    const auto passed = [&](auto&& source) {
        int answers = 0;
        for (std::uint32_t i = 0; i < 256; ++i) {
            for (int times = 0; times < 10; ++times) answers += limits.take(source(i), start);
        }
        return answers;
    };
    EXPECT_EQ(passed([](std::uint32_t i) { return IpAddress::v4(0xC000'0200U + i); }), 400);
    EXPECT_EQ(passed([](std::uint32_t i) { return ip("2001:db8:1:" + std::to_string(i) + "::1"); }), 400);
    EXPECT_TRUE(limits.take(ip("192.0.3.1"), start));
    EXPECT_TRUE(limits.take(ip("2001:db8:2::1"), start));
    EXPECT_TRUE(limits.take(ip("192.0.2.255"), start + 5ms));
    EXPECT_FALSE(limits.take(ip("192.0.2.255"), start + 5ms));
}

// A source that has used up its own budget takes nothing from its neighbours.
TEST(RateLimits, DoNotLetOneSourceUseUpItsNetwork) {
    ScriptedRandom random;
    core::RateLimits limits{{10, 50}, {200, 60}, random};
    const Instant start{100s};
    for (int i = 0; i < 1000; ++i) limits.take(ip("192.0.2.1"), start);
    int passed = 0;
    for (int i = 0; i < 1000; ++i) passed += limits.take(ip("192.0.2.2"), start);
    EXPECT_EQ(passed, 10);
}

// Workers look at the clock each for themselves: one that is a little behind gains nothing.
TEST(RateLimits, GiveNothingForAClockThatIsBehind) {
    ScriptedRandom random;
    core::RateLimits limits{{10, 50}, {}, random};
    const Instant start{1000s};
    int passed = 0;
    for (int i = 0; i < 100; ++i) passed += limits.take(ip("192.0.2.1"), start + (i % 2 == 0 ? 0ms : -30s));
    EXPECT_EQ(passed, 50);
    EXPECT_TRUE(limits.take(ip("192.0.2.1"), start + 100ms));
}

// The configured rate is the node's, whatever the number of its workers.
TEST(RateLimits, AreSharedByTheWorkersOfANode) {
    TurnNode first;
    TurnNode second{first.options, first.shared};
    TurnClient here{first}, there{second};
    EXPECT_EQ(answered(here, Method::Allocate, 30) + answered(there, Method::Allocate, 30), 50);

    ScriptedRandom random;
    core::RateLimits limits{{10, 500}, {}, random};
    std::atomic<int> passed = 0;
    std::vector<std::thread> workers;
    for (int worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&] {
            for (int i = 0; i < 10'000; ++i) passed += limits.take(ip("192.0.2.1"), Instant{100s});
        });
    }
    for (std::thread& worker : workers) worker.join();
    EXPECT_EQ(passed, 500);
}

TEST(RateLimits, OfZeroAreNone) {
    ScriptedRandom random;
    core::RateLimits limits{{0, 0}, {0, 0}, random};
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limits.take(ip("192.0.2.1"), Instant{100s}));
}

// T31: nothing is kept for a new source.
TEST(RateLimits, KeepNothingForASource) {
    ScriptedRandom random;
    core::RateLimits limits{{10, 50}, {}, random};
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
    client.learn(client.send(client.plain(Method::Allocate, TurnClient::transport_udp)));
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
