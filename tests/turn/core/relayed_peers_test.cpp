#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

// Two clients of one node, each the other's peer by its relayed address (T8; usual in a relay-only room).
class RelayedPeers : public ::testing::Test {
protected:
    RelayedPeers() {
        EXPECT_TRUE(alice.allocate()->success());
        EXPECT_TRUE(carol.allocate()->success());
        alice_relayed = node.begun_allocations[0].relayed;
        carol_relayed = node.begun_allocations[1].relayed;
    }
    static Endpoint local(const Endpoint& external) { return {ip("10.0.0.5"), external.port}; }

    TurnNode node;
    TurnClient alice{node, "192.0.2.1:1"}, carol{node, "192.0.2.2:2"};
    Endpoint alice_relayed, carol_relayed;
};

// What is sent goes to the local form; what comes from it is seen as the external form.
TEST_F(RelayedPeers, ReachEachOtherThroughTheLocalForm) {
    ASSERT_TRUE(alice.bind(0x4000, carol_relayed)->success());
    ASSERT_TRUE(carol.permit({alice_relayed.to_string()})->success());
    const auto to_peer = alice.channel_data(0x4000);
    ASSERT_TRUE(to_peer);
    EXPECT_EQ(to_peer->peer, local(carol_relayed));

    const auto to_client =
        node.server.to_client(carol.relay(), local(alice_relayed), 5, node.now);
    ASSERT_TRUE(to_client);
    EXPECT_EQ(to_client->path->tuple, carol.path.tuple);
    EXPECT_EQ(to_client->peer, alice_relayed);
    EXPECT_FALSE(to_client->channel);

    carol.indicate(alice_relayed.to_string(), "back");
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_EQ(node.datagrams[0].peer, local(alice_relayed));
    EXPECT_EQ(node.server.to_client(alice.relay(), local(carol_relayed), 4, node.now)->channel.value(), 0x4000);
}

// A client that names the local form means the same peer.
TEST_F(RelayedPeers, MayBeNamedByTheirLocalForm) {
    ASSERT_TRUE(alice.bind(0x4000, local(carol_relayed))->success());
    EXPECT_EQ(alice.channel_data(0x4000)->peer, local(carol_relayed));
    EXPECT_EQ(node.server.to_client(alice.relay(), local(carol_relayed), 4, node.now)->channel.value(), 0x4000);
    EXPECT_EQ(alice.bind(0x4001, carol_relayed)->code(), 400);  // it has a number already
}

// T8: no other port of our own addresses: not the listener, not ssh.
TEST_F(RelayedPeers, AreOnlyLiveRelayPorts) {
    for (const std::uint16_t port : {std::uint16_t{3478}, std::uint16_t{22}, std::uint16_t{49'999}}) {
        EXPECT_EQ(alice.bind(0x4000, Endpoint{carol_relayed.address, port})->code(), 403) << port;
        EXPECT_EQ(alice.bind(0x4000, local(Endpoint{carol_relayed.address, port}))->code(), 403) << port;
        ASSERT_TRUE(alice.permit({carol_relayed.to_string()})->success());  // has no port: allowed
        alice.indicate(Endpoint{carol_relayed.address, port}.to_string(), "knock");
    }
    EXPECT_TRUE(node.datagrams.empty());
    EXPECT_EQ(node.server.counters().dropped_not_live, 3U);
}

// Asked per packet: a port that is no longer a relay port gets nothing more.
TEST_F(RelayedPeers, GetNothingAfterTheirAllocationEnded) {
    ASSERT_TRUE(alice.bind(0x4000, carol_relayed)->success());
    ASSERT_TRUE(alice.channel_data(0x4000));
    ASSERT_TRUE(carol.refresh(0)->success());
    EXPECT_FALSE(alice.channel_data(0x4000));
    alice.indicate(carol_relayed.to_string(), "late");
    EXPECT_TRUE(node.datagrams.empty());
    EXPECT_EQ(node.server.counters().dropped_not_live, 2U);
}

TEST(RelayDirectory, KnowsBothFormsOfAnAddress) {
    core::RelayDirectory relays{{{ip("10.0.0.5"), ip("203.0.113.7")}, {ip("198.51.100.1"), ip("198.51.100.1")}}};
    EXPECT_TRUE(relays.owns(ip("10.0.0.5")) && relays.owns(ip("203.0.113.7")) && relays.owns(ip("198.51.100.1")));
    EXPECT_FALSE(relays.owns(ip("203.0.113.8")));
    EXPECT_EQ(relays.to_local(at("203.0.113.7:50000")), at("10.0.0.5:50000"));
    EXPECT_EQ(relays.to_external(at("10.0.0.5:50000")), at("203.0.113.7:50000"));
    EXPECT_EQ(relays.to_local(at("192.0.2.1:50000")), at("192.0.2.1:50000"));
    EXPECT_EQ(relays.to_external(at("192.0.2.1:50000")), at("192.0.2.1:50000"));

    EXPECT_FALSE(relays.live(at("203.0.113.7:50000")));
    const core::RelayHome home{3, {7, 2}};
    relays.set_live(at("10.0.0.5:50000"), home);
    EXPECT_TRUE(relays.live(at("203.0.113.7:50000")) && relays.live(at("10.0.0.5:50000")));
    EXPECT_FALSE(relays.live(at("10.0.0.5:49999")) || relays.live(at("10.0.0.5:50001")));
    EXPECT_FALSE(relays.live(at("198.51.100.1:50000")));
    EXPECT_EQ(relays.destination(at("203.0.113.7:50000"))->endpoint, at("10.0.0.5:50000"));
    EXPECT_EQ(relays.destination(at("203.0.113.7:50000"))->home, home);
    EXPECT_FALSE(relays.destination(at("203.0.113.7:50001")));
    EXPECT_FALSE(relays.destination(at("203.0.113.7:50000"), core::RelayProtocol::Tcp));
    EXPECT_EQ(relays.destination(at("192.0.2.1:9"))->endpoint, at("192.0.2.1:9"));
    EXPECT_FALSE(relays.destination(at("192.0.2.1:9"))->home);
    // On its way to another worker it is live, and nowhere.
    relays.set_live(at("10.0.0.5:50000"), {});
    EXPECT_FALSE(relays.destination(at("203.0.113.7:50000"))->home);
    relays.set_ended(at("10.0.0.5:50000"));
    EXPECT_FALSE(relays.destination(at("203.0.113.7:50000")));

    const core::RelayHome last{(1U << 13) - 1, {core::RelayId::kSlotsMax - 1, core::RelayId::kGenerationMax}};
    relays.set_live(at("10.0.0.5:0"), last);
    EXPECT_EQ(relays.destination(at("10.0.0.5:0"))->home, last);
    relays.set_live(at("198.51.100.1:65535"), {}, core::RelayProtocol::Tcp);
    EXPECT_FALSE(relays.destination(at("198.51.100.1:65535")));
    EXPECT_TRUE(relays.live(at("10.0.0.5:0")) && relays.live(at("198.51.100.1:65535")));
    EXPECT_FALSE(relays.live(at("10.0.0.5:65535")) || relays.live(at("198.51.100.1:0")));
}

// Several local addresses behind one public one: the live port says which.
TEST(RelayDirectory, FindsTheLiveOneOfSeveralBehindAnAddress) {
    core::RelayDirectory relays{{{ip("10.0.0.5"), ip("203.0.113.7")}, {ip("10.0.0.6"), ip("203.0.113.7")}}};
    relays.set_live(at("10.0.0.6:50000"), {});
    EXPECT_EQ(relays.to_local(at("203.0.113.7:50000")), at("10.0.0.6:50000"));
    EXPECT_EQ(relays.destination(at("203.0.113.7:50000"))->endpoint, at("10.0.0.6:50000"));
    EXPECT_EQ(relays.to_external(at("10.0.0.6:50000")), at("203.0.113.7:50000"));
}

}  // namespace
}  // namespace turnpike::test
