#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kOther = "93.184.216.35:5000";

class Permission : public ::testing::Test {
protected:
    Permission() { EXPECT_TRUE(client.allocate()->success()); }
    bool hears(std::string_view peer) { return client.from_peer(peer).has_value(); }

    TurnNode node;
    TurnClient client{node};
};

// RFC 8656 §10.2.
TEST_F(Permission, LetsAPeerThroughInBothDirections) {
    EXPECT_FALSE(hears(kPeer));
    ASSERT_TRUE(client.permit({kPeer})->success());
    EXPECT_TRUE(hears(kPeer));
    client.indicate(kPeer, "hello");
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_EQ(node.datagrams[0].peer, at(kPeer));
    EXPECT_EQ(as_text(node.datagrams[0].payload), "hello");
    EXPECT_EQ(node.datagrams[0].relay, client.relay());
    EXPECT_FALSE(hears(kOther));
}

// RFC 8656 §9: a permission is for an address, whatever the port.
TEST_F(Permission, IgnoresThePort) {
    ASSERT_TRUE(client.permit({"93.184.216.34:0"})->success());
    EXPECT_TRUE(hears("93.184.216.34:1"));
    EXPECT_TRUE(hears("93.184.216.34:65535"));
}

// RFC 8656 §9: exactly five minutes; only CreatePermission and ChannelBind extend them.
TEST_F(Permission, LastsFiveMinutes) {
    ASSERT_TRUE(client.refresh(3600)->success());
    ASSERT_TRUE(client.permit({kPeer})->success());
    node.pass(300s - 1ns);
    EXPECT_TRUE(hears(kPeer));
    client.indicate(kPeer, "refreshes nothing");
    node.pass(1ns);
    EXPECT_FALSE(hears(kPeer));
    client.indicate(kPeer, "late");
    EXPECT_EQ(node.datagrams.size(), 1U);
    EXPECT_EQ(node.server.counters().dropped_no_permission, 2U);

    ASSERT_TRUE(client.permit({kPeer})->success());
    node.pass(299s);
    ASSERT_TRUE(client.permit({kPeer})->success());
    node.pass(299s);
    EXPECT_TRUE(hears(kPeer));
}

TEST_F(Permission, IsForgottenOnceItIsOver) {
    ASSERT_TRUE(client.permit({kPeer, kOther})->success());
    node.advance(200s);
    ASSERT_TRUE(client.permit({kPeer})->success());
    node.advance(100s + 100ms);
    auto listed = node.server.list(node.now);
    ASSERT_EQ(listed.size(), 1U);
    ASSERT_EQ(listed[0].permissions.size(), 1U);
    EXPECT_EQ(listed[0].permissions[0].peer, at(kPeer).address);
}

// RFC 8656 §10.2: 400 without a peer or with one that cannot be read.
TEST_F(Permission, NeedsWellFormedPeers) {
    const auto code = [&](const Fill& fill) { return client.request(Method::CreatePermission, fill)->code(); };
    EXPECT_EQ(code({}), 400);
    EXPECT_EQ(code([](auto& m) { m.bytes(Attribute::XorPeerAddress, Bytes{0, 1, 2, 3, 4, 5, 6}); }), 400);
    EXPECT_EQ(code([](auto& m) { m.bytes(Attribute::XorPeerAddress, Bytes{0, 0, 2, 3, 4, 5, 6, 7}); }), 400);
    EXPECT_EQ(code([](auto& m) {
                  m.xor_address(Attribute::XorPeerAddress, at(kPeer));
                  m.bytes(Attribute::XorPeerAddress, Bytes{0, 3, 2, 3, 4, 5, 6, 7});
              }),
              400);
    EXPECT_FALSE(hears(kPeer));
}

// RFC 8656 §10.2 and T17: all or none.
TEST_F(Permission, InstallsAllPeersOrNone) {
    EXPECT_TRUE(client.permit({kPeer, kOther})->success());
    EXPECT_TRUE(hears(kPeer) && hears(kOther));
    EXPECT_EQ(client.permit({"93.184.216.36:1", "127.0.0.1:1"})->code(), 403);
    EXPECT_FALSE(hears("93.184.216.36:1"));
    EXPECT_EQ(client.permit({"93.184.216.36:1", "[2a00:1450::1]:1"})->code(), 443);
    EXPECT_FALSE(hears("93.184.216.36:1"));
}

TEST_F(Permission, NeedsAnAllocation) {
    TurnClient stranger{node, "192.0.2.9:9"};
    EXPECT_EQ(stranger.permit({kPeer})->code(), 437);
}

// T1, T3 and RFC 8656 §9.2: denied peers are 403 in every spelling.
TEST_F(Permission, RefusesDeniedPeers) {
    for (const std::string_view peer : {"127.0.0.1:1", "0.0.0.0:1", "169.254.169.254:80", "10.1.2.3:1", "224.0.0.1:1",
                                        "192.0.2.100:3478"}) {
        EXPECT_EQ(client.permit({peer})->code(), 403) << peer;
    }
    TurnClient six{node, "192.0.2.1:6"};
    ASSERT_TRUE(six.allocate([](auto& m) { m.u8(Attribute::RequestedAddressFamily, 2); })->success());
    for (const std::string_view peer :
         {"[::1]:1", "[::]:1", "[::ffff:8.8.8.8]:1", "[::127.0.0.1]:1", "[2002:7f00:1::1]:1", "[64:ff9b::7f00:1]:1",
          "[2001::1]:1", "[fe80::1]:1", "[fd00:ec2::254]:80", "[2a00:1450::5efe:7f00:1]:1"}) {
        EXPECT_EQ(six.permit({peer})->code(), 403) << peer;
    }
    EXPECT_TRUE(six.permit({"[2a00:1450::1]:1"})->success());
}

// T12: caps; what is there already may still be refreshed.
TEST(PermissionLimit, Answers508BeyondIt) {
    NodeOptions options;
    options.config.permissions_max = 3;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    EXPECT_TRUE(client.permit({"93.184.216.1:1", "93.184.216.2:1"})->success());
    EXPECT_EQ(client.permit({"93.184.216.3:1", "93.184.216.4:1"})->code(), 508);
    EXPECT_FALSE(client.from_peer("93.184.216.3:1"));
    EXPECT_TRUE(client.permit({"93.184.216.3:1", "93.184.216.3:2", "93.184.216.1:1"})->success());
    EXPECT_EQ(client.permit({"93.184.216.4:1"})->code(), 508);
    EXPECT_EQ(client.bind(0x4000, "93.184.216.4:5000")->code(), 508);
    EXPECT_TRUE(client.bind(0x4000, "93.184.216.1:5000")->success());
    EXPECT_TRUE(client.permit({"93.184.216.1:1", "93.184.216.2:1", "93.184.216.3:1"})->success());
    node.pass(300s);
    EXPECT_TRUE(client.permit({"93.184.216.4:1", "93.184.216.5:1", "93.184.216.6:1"})->success());
}

// Making room looks for expired ones before their deadline does: that deadline must not outlive them.
TEST(PermissionLimit, LeavesNoDeadlineBehind) {
    NodeOptions options;
    options.config.permissions_max = 1;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.permit({kPeer})->success());
    node.pass(100s);
    EXPECT_EQ(client.permit({kOther})->code(), 508);
    ASSERT_TRUE(client.refresh(0)->success());
    EXPECT_FALSE(node.server.next_deadline(node.now));
    node.advance(300s);
    EXPECT_TRUE(node.ended_allocations.size() == 1);
}

TEST(PermissionLimit, TakesAsManyPeersAsAMessageHolds) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    const auto answer = client.request(Method::CreatePermission, [](auto& m) {
        for (int i = 0; i < 60; ++i) {
            m.xor_address(Attribute::XorPeerAddress, at("93.184.216." + std::to_string(i + 1) + ":1"));
        }
    });
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(client.from_peer("93.184.216.60:9"));
}

// p=relay in the username: peers are relayed addresses only.
TEST(PermissionForRelays, RefusesEverybodyElse) {
    NodeOptions options;
    options.secrets = {{"k1", Secret{std::string_view{"a secret of sixteen"}},
                        crypto::RestSecret::Algorithm::HmacSha1, true}};
    TurnNode node{options};
    TurnClient client{node}, peer{node, "192.0.2.1:2"};
    crypto::Capability only_relays;
    only_relays.relay_peers_only = true;
    const auto minted = crypto::mint(options.secrets[0], "room.alice", only_relays, node.wall + 600s).value();
    client.username = minted.username;
    client.password = minted.password;
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(peer.allocate()->success());
    EXPECT_EQ(client.permit({kPeer})->code(), 403);
    EXPECT_EQ(client.bind(0x4000, kPeer)->code(), 403);
    EXPECT_TRUE(client.permit({"203.0.113.7:1"})->success());
    EXPECT_TRUE(peer.permit({kPeer})->success());
}

// Reloading the policy ends what it no longer allows, and nothing else.
TEST_F(Permission, EndsWhenANewPolicyDeniesIt) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    ASSERT_TRUE(client.bind(0x4001, kOther)->success());
    core::PeerPolicy::Rules rules;
    rules.deny = {cidr("93.184.216.34/32")};
    node.server.set_policy(node.policy(rules), node.out);
    EXPECT_FALSE(hears(kPeer));
    EXPECT_FALSE(client.channel_data(0x4000));
    EXPECT_TRUE(hears(kOther));
    EXPECT_TRUE(client.channel_data(0x4001));
    EXPECT_EQ(client.permit({kPeer})->code(), 403);
}

}  // namespace
}  // namespace turnpike::test
