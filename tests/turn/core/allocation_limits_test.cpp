#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000";

std::string peer_number(unsigned n) { return "93.1." + std::to_string(n / 250) + "." + std::to_string(1 + n % 250) + ":5000"; }

// T11: an allocation reaches at most burst + rate new addresses in a second, however it asks.
TEST(NewPeers, AreBoundedInNumberPerSecond) {
    NodeOptions options;
    options.config.permissions_max = 20'000;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    std::size_t granted = 0, too_many = 0;
    for (unsigned n = 0; n < 10'000; ++n) {
        const std::string peer = peer_number(n);
        const auto answer = n % 2 == 0 ? client.permit({peer})
                                       : client.bind(static_cast<std::uint16_t>(0x4000 + n % 0x1000), peer);
        granted += answer->success() ? 1 : 0;
        too_many += answer->code() == 508 ? 1 : 0;  // 400: the channel is another peer's
        client.indicate(peer, "probe");
        node.pass(100us);
    }
    EXPECT_GE(node.datagrams.size(), 100U);
    EXPECT_LE(node.datagrams.size(), 120U);
    EXPECT_EQ(node.datagrams.size(), granted);
    EXPECT_EQ(node.server.counters().dropped_new_peers, too_many);
    EXPECT_GT(too_many, 9'000U);
    EXPECT_EQ(node.server.counters().dropped_no_permission, 10'000 - granted);

    // Those that it has may be refreshed, and others come as time passes.
    EXPECT_TRUE(client.permit({peer_number(0)})->success());
    EXPECT_EQ(client.permit({"8.8.8.8:1"})->code(), 508);
    node.pass(50ms);
    EXPECT_TRUE(client.permit({"8.8.8.8:1"})->success());
}

TEST(NewPeers, AreAllOrNoneOfARequest) {
    NodeOptions options;
    options.config.new_peers_per_second = 1;
    options.config.new_peers_burst = 3;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.permit({"8.8.8.1:1", "8.8.8.1:2", "8.8.8.2:1"})->success());  // two addresses
    EXPECT_EQ(client.permit({"8.8.8.3:1", "8.8.8.4:1"})->code(), 508);
    EXPECT_TRUE(client.permit({"8.8.8.3:1", "8.8.8.2:1"})->success());  // one new
    EXPECT_EQ(client.permit({"8.8.8.4:1"})->code(), 508);
    EXPECT_EQ(node.server.counters().dropped_new_peers, 3U);
    TurnClient other{node, "192.0.2.9:9"};
    ASSERT_TRUE(other.allocate()->success());
    EXPECT_TRUE(other.permit({"8.8.8.4:1"})->success());  // each allocation has its own
}

TEST(NewPeers, AreUnlimitedWhenTheRateIsZero) {
    NodeOptions options;
    options.config.new_peers_per_second = 0;
    options.config.permissions_max = 1000;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    for (unsigned n = 0; n < 1000; ++n) ASSERT_TRUE(client.permit({peer_number(n)})->success()) << n;
}

// quota.packets_per_second: both directions together, whatever their size.
TEST(PacketRate, HoldsAnAllocationToItsPacketsPerSecond) {
    NodeOptions options;
    options.config.packets_per_second = 100;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    std::size_t passed = 0;
    for (int ms = 0; ms < 10'000; ++ms) {
        if (client.channel_data(0x4000)) ++passed;
        if (client.from_peer(kPeer)) ++passed;
        const std::size_t before = node.datagrams.size();
        client.indicate(kPeer, "x");
        passed += node.datagrams.size() - before;
        node.pass(1ms);
    }
    EXPECT_NEAR(static_cast<double>(passed), 100 * 10, 100 * 10 * 0.05);
    EXPECT_EQ(node.server.counters().dropped_packet_rate, 30'000 - passed);
}

// What is left of the bursts goes along: moving about makes no one faster.
TEST(RateLimits, GoOnWhereTheyWereAfterAMove) {
    NodeOptions options;
    options.config.packets_per_second = 100;
    options.config.bandwidth_kbit_s = 64;
    options.config.new_peers_burst = 5;
    const auto shared = std::make_shared<SharedState>(options);
    TurnNode first{options, shared}, second{options, shared};
    TurnClient client{first};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    for (unsigned n = 0; n < 4; ++n) ASSERT_TRUE(client.permit({peer_number(n)})->success());
    while (client.channel_data(0x4000, "x")) {
    }
    const auto released = first.server.release(client.path.tuple, first.now);
    const auto record = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(second.server.adopt(*record, client.path, second.now));
    TurnClient moved{second};
    EXPECT_FALSE(moved.channel_data(0x4000, "x"));
    EXPECT_EQ(moved.permit({"8.8.8.8:1"})->code(), 508);
    second.pass(1s);
    EXPECT_TRUE(moved.channel_data(0x4000, "x"));
    EXPECT_TRUE(moved.permit({"8.8.8.8:1"})->success());
}

// A credential of ours: what is signed is what is allowed, exactly.
class SignedLimits : public ::testing::Test {
protected:
    SignedLimits() {
        options.secrets = {{"k1", Secret{std::string_view{"a secret of sixteen"}}, crypto::RestSecret::Algorithm::HmacSha1, true},
                           {"nc", Secret{std::string_view{"a secret of another"}}, crypto::RestSecret::Algorithm::HmacSha1, false}};
        node = std::make_unique<TurnNode>(options);
    }
    /// "expiry:call.alice;k=k1;a=2;b=64;p=relay", signed with the n-th secret.
    std::unique_ptr<TurnClient> client(std::string_view address, std::size_t secret) {
        auto one = std::make_unique<TurnClient>(*node, address);
        one->username = std::to_string(unix_seconds(node->wall) + 600) + ":call.alice;k=k1;a=2;b=64;p=relay";
        one->password = crypto::rest_password(options.secrets[secret], one->username);
        return one;
    }
    /// Bytes that pass in ten seconds of twice the rate each way.
    double bytes_in_ten_seconds(TurnClient& of, const Endpoint& peer) {
        double passed = 0;
        const Bytes payload(400);
        const core::RelayId relay = of.relay();
        const Endpoint local = node->shared->relays.to_local(peer);
        for (int i = 0; i < 15'000; ++i) {
            if (node->server.to_peer(of.path.tuple, {0x4000, payload}, node->now)) passed += i < 5000 ? 0 : 400;
            if (node->server.to_client(relay, local, 400, node->now)) passed += i < 5000 ? 0 : 400;
            node->now += 1ms;
        }
        return passed;
    }

    NodeOptions options;
    std::unique_ptr<TurnNode> node;
};

TEST_F(SignedLimits, HoldOurCredentialToExactlyThat) {
    const auto one = client("192.0.2.1:1", 0), two = client("192.0.2.1:2", 0), three = client("192.0.2.1:3", 0);
    ASSERT_TRUE(one->allocate()->success());
    const auto second = two->allocate();
    ASSERT_TRUE(second->success());
    EXPECT_EQ(three->allocate()->code(), 486);
    EXPECT_EQ(node->shared->quota.of("turnpike", "call.alice"), 2U);

    EXPECT_EQ(one->permit({kPeer})->code(), 403);
    EXPECT_EQ(one->bind(0x4001, kPeer)->code(), 403);
    const Endpoint relayed = second->relayed()[0];
    ASSERT_TRUE(one->bind(0x4000, relayed)->success());
    EXPECT_NEAR(bytes_in_ten_seconds(*one, relayed), 64 * 125.0 * 10, 64 * 125.0 * 10 * 0.05);
}

TEST_F(SignedLimits, AreTheTextOfASubjectFromAnotherIssuer) {
    const auto foreign = client("192.0.2.1:1", 1);
    ASSERT_TRUE(foreign->allocate()->success());
    EXPECT_EQ(node->shared->quota.of("turnpike", "call.alice;k=k1;a=2;b=64;p=relay"), 1U);
    EXPECT_EQ(node->shared->quota.of("turnpike", "call.alice"), 0U);
    for (unsigned n = 2; n <= 5; ++n) {
        const auto another = client("192.0.2.1:" + std::to_string(n), 1);
        EXPECT_TRUE(another->allocate()->success()) << n;
    }
    ASSERT_TRUE(foreign->bind(0x4000, kPeer)->success());
    EXPECT_EQ(bytes_in_ten_seconds(*foreign, at(kPeer)), 2 * 400.0 * 10'000);
}

}  // namespace
}  // namespace turnpike::test
