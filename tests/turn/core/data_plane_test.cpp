#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"
#include "tests/turn/core/heap_counter_support.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000";

static_assert(std::is_nothrow_invocable_v<decltype(&core::Server::to_peer), core::Server&, const FiveTuple&,
                                          const stun::ChannelDataView&, const Instant&>);
static_assert(std::is_nothrow_invocable_v<decltype(&core::Server::to_client), core::Server&, const core::RelayId&,
                                          const Endpoint&, const std::size_t&, const Instant&>);

// Issue 2, DESIGN 3: a packet costs no heap, whether it passes or is dropped.
TEST(DataPlane, AllocatesNothing) {
    NodeOptions options;
    options.config.bandwidth_kbit_s = 100;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); })->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    ASSERT_TRUE(client.bind(0x4001, "[2a00:1450::1]:5000")->success());
    ASSERT_TRUE(client.bind(0x4002, node.begun_allocations[0].relayed)->success());
    const core::RelayId relay = client.relay();
    const Endpoint peer = at(kPeer), other_port = at("93.184.216.34:5001"), stranger = at("93.184.216.35:5000");
    const Bytes payload(160);
    FiveTuple nobody = client.path.tuple;
    nobody.client.port = 1;

    const std::uint64_t probe = heap_allocations();
    const auto one = std::make_unique<int>(1);
    ASSERT_EQ(heap_allocations(), probe + 1) << "the counter counts";

    const std::uint64_t before = heap_allocations();
    std::size_t passed = 0;
    for (int i = 0; i < 200; ++i) {
        for (const std::uint16_t channel : {std::uint16_t{0x4000}, std::uint16_t{0x4001}, std::uint16_t{0x4002},
                                            std::uint16_t{0x4003}}) {
            passed += node.server.to_peer(client.path.tuple, {channel, payload}, node.now).has_value();
        }
        passed += node.server.to_peer(nobody, {0x4000, payload}, node.now).has_value();
        for (const Endpoint& source : {peer, other_port, stranger}) {
            passed += node.server.to_client(relay, source, payload.size(), node.now).has_value();
        }
        passed += node.server.to_client({99, 1}, peer, payload.size(), node.now).has_value();
        node.now += 20ms;
    }
    EXPECT_EQ(heap_allocations() - before, 0U);
    EXPECT_GT(passed, 200U);
    EXPECT_GT(node.server.counters().dropped_bandwidth, 0U);  // the loop met that branch, too
}

TEST(DataPlane, CountsWhatPassesAndWhatDoesNot) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    EXPECT_TRUE(client.channel_data(0x4000, "12345"));
    EXPECT_TRUE(client.channel_data(0x4000, ""));
    EXPECT_TRUE(client.from_peer(kPeer, 100));
    EXPECT_FALSE(client.from_peer("93.184.216.35:5000", 100));
    client.indicate(kPeer, "123");
    const auto summary = node.server.list(node.now).at(0);
    for (const core::Traffic& traffic : {summary.traffic, node.server.counters().traffic}) {
        EXPECT_EQ(traffic.packets_to_peer, 3U);
        EXPECT_EQ(traffic.bytes_to_peer, 8U);
        EXPECT_EQ(traffic.packets_to_client, 1U);
        EXPECT_EQ(traffic.bytes_to_client, 100U);
    }
    ASSERT_TRUE(client.refresh(0)->success());
    const core::Traffic& used = node.ended_allocations.at(0).traffic;
    EXPECT_EQ(used.bytes_to_peer, 8U);
    EXPECT_EQ(used.packets_to_client, 1U);
    EXPECT_EQ(node.server.counters().traffic.packets_to_peer, 3U);  // live and gone
}

// The moment before the allocation's expiry, and the moment at it.
TEST(DataPlane, StopsWithTheAllocation) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    const core::RelayId relay = client.relay();
    node.pass(299s);
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(299s);
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(2s - 1ns);
    EXPECT_TRUE(client.channel_data(0x4000));
    EXPECT_TRUE(node.server.to_client(relay, at(kPeer), 1, node.now));
    node.pass(1ns);
    EXPECT_FALSE(client.channel_data(0x4000));
    EXPECT_FALSE(node.server.to_client(relay, at(kPeer), 1, node.now));
    EXPECT_EQ(node.server.counters().dropped_no_allocation, 2U);
}

// A relay id is good for one allocation.
TEST(DataPlane, DropsDatagramsForAnEarlierUseOfTheRelay) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    const core::RelayId old = client.relay();
    ASSERT_TRUE(client.refresh(0)->success());
    TurnClient next{node, "192.0.2.1:2"};
    ASSERT_TRUE(next.allocate()->success());
    ASSERT_TRUE(next.permit({kPeer})->success());
    EXPECT_EQ(next.relay().slot, old.slot);
    EXPECT_FALSE(node.server.to_client(old, at(kPeer), 1, node.now));
    EXPECT_TRUE(node.server.to_client(next.relay(), at(kPeer), 1, node.now));
}

// A dual allocation sends from the relayed address of the peer's family.
TEST(DataPlane, SendsFromTheFamilyOfThePeer) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); })->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    ASSERT_TRUE(client.bind(0x4001, "[2a00:1450::1]:5000")->success());
    const auto family_of = [&](core::RelayId id) { return node.sockets.at(TurnNode::key(id)).address.family(); };
    EXPECT_EQ(family_of(client.channel_data(0x4000)->relay), Family::V4);
    EXPECT_EQ(family_of(client.channel_data(0x4001)->relay), Family::V6);
    client.indicate("[2a00:1450::1]:5000", "x");
    EXPECT_EQ(family_of(node.datagrams.at(0).relay), Family::V6);
}

// P10: policing to the configured rate, both directions together, within five percent over ten seconds.
TEST(DataPlane, HoldsAnAllocationToItsBandwidth) {
    for (const std::uint32_t kbit_s : {64U, 1000U, 20'000U}) {
        NodeOptions options;
        options.config.bandwidth_kbit_s = kbit_s;
        TurnNode node{options};
        TurnClient client{node};
        ASSERT_TRUE(client.allocate()->success());
        ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
        const core::RelayId relay = client.relay();
        const Bytes payload(1000);
        const auto offer = [&](Nanoseconds span) {  // twice the rate, half of it each way
            double passed = 0;
            const auto step = Nanoseconds{static_cast<std::int64_t>(1e9 * 8.0 / kbit_s)};
            for (Nanoseconds spent{0}; spent < span; spent += step, node.now += step) {
                if (node.server.to_peer(client.path.tuple, {0x4000, payload}, node.now)) passed += 1000;
                if (node.server.to_client(relay, at(kPeer), 1000, node.now)) passed += 1000;
            }
            return passed;
        };
        offer(5s);  // drains the burst
        EXPECT_NEAR(offer(10s), kbit_s * 125.0 * 10, kbit_s * 125.0 * 10 * 0.05) << kbit_s;
        EXPECT_GT(node.server.counters().dropped_bandwidth, 0U);
    }
}

TEST(DataPlane, TakesTheSmallerOfTheTwoBandwidthLimits) {
    NodeOptions options;
    options.config.bandwidth_kbit_s = 500;
    options.secrets = {{"k1", Secret{std::string_view{"a secret of sixteen"}},
                        crypto::RestSecret::Algorithm::HmacSha1, true}};
    TurnNode node{options};
    const auto granted = [&](std::optional<std::uint32_t> asked, std::uint16_t port) {
        TurnClient client{node, Endpoint{ip("192.0.2.1"), port}.to_string()};
        const auto minted = crypto::mint(options.secrets[0], "a.b", {{}, asked, false}, node.wall + 600s).value();
        client.username = minted.username;
        client.password = minted.password;
        EXPECT_TRUE(client.allocate()->success());
        return node.server.record(client.path.tuple, node.now)->credential.bandwidth_kbit_s;
    };
    EXPECT_EQ(granted({}, 1), 500U);
    EXPECT_EQ(granted(200, 2), 200U);
    EXPECT_EQ(granted(900, 3), 500U);
    EXPECT_EQ(granted(0, 4), 500U);
}

}  // namespace
}  // namespace turnpike::test
