#include <gtest/gtest.h>

#include "tests/turn/net/relay_support.hpp"

namespace turnpike::net {
namespace {

using stun::Class;
using stun::Method;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

struct Leg {
    Transport transport;
    const char* listen;
};

std::string name_of(const ::testing::TestParamInfo<Leg>& info) {
    const bool v6 = info.param.listen[0] == '[';
    return std::string{to_string(info.param.transport)} + (v6 ? "Ipv6" : "Ipv4");
}

TestRelay::Setup setup_of(const Leg& leg) {
    TestRelay::Setup setup;
    setup.listen = {{leg.transport, leg.listen}};
    return setup;
}

class RelayingTest : public ::testing::TestWithParam<Leg> {};

INSTANTIATE_TEST_SUITE_P(Legs, RelayingTest,
                         ::testing::Values(Leg{Transport::Udp, "127.0.0.1:0"}, Leg{Transport::Udp, "[::1]:0"},
                                           Leg{Transport::Tcp, "127.0.0.1:0"}, Leg{Transport::Tcp, "[::1]:0"},
                                           Leg{Transport::Tls, "127.0.0.1:0"}, Leg{Transport::Tls, "[::1]:0"},
                                           Leg{Transport::Dtls, "127.0.0.1:0"}, Leg{Transport::Dtls, "[::1]:0"}),
                         name_of);

// RFC 8656 §12: a channel, both ways, with every padding.
TEST_P(RelayingTest, CarriesChannelDataBothWays) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed) << client.last_error();
    ASSERT_TRUE(client.bind_channel(0x4001, peer.local())) << client.last_error();

    for (const std::string text : {"", "1", "12", "123", "1234", "hello peer"}) {
        client.send_channel(0x4001, text);
        const auto at_peer = peer.receive();
        ASSERT_TRUE(at_peer) << text;
        EXPECT_EQ(text, as_text(at_peer->bytes));
        EXPECT_EQ(*relayed, at_peer->from);

        peer.send(text, *relayed);
        const auto at_client = client.receive();
        ASSERT_TRUE(at_client) << text;
        EXPECT_TRUE(at_client->is_channel_data());
        EXPECT_EQ(0x4001, at_client->channel());
        EXPECT_EQ(text, at_client->data());
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.traffic.packets_to_client == 6; }));
}

// RFC 8656 §11: Send and Data indications.
TEST_P(RelayingTest, CarriesIndicationsBothWays) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.permit(peer.local()));

    for (const std::string text : {"", "1", "12", "123", "1234", "hello peer"}) {
        client.send_indication(peer.local(), text);
        const auto at_peer = peer.receive();
        ASSERT_TRUE(at_peer) << text;
        EXPECT_EQ(text, as_text(at_peer->bytes));

        peer.send(text, *relayed);
        const auto at_client = client.receive();
        ASSERT_TRUE(at_client) << text;
        EXPECT_TRUE(at_client->is(Class::Indication, Method::Data));
        EXPECT_EQ(peer.local(), at_client->peer());
        EXPECT_EQ(text, at_client->data());
    }
}

TEST_P(RelayingTest, NothingPassesWithoutPermission) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    UdpEnd peer, stranger{"127.0.0.10"};
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.permit(peer.local()));

    client.send_indication(stranger.local(), "psst");
    stranger.send("psst", *relayed);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.dropped_no_permission >= 2; }));

    client.send_indication(peer.local(), "next");
    ASSERT_TRUE(peer.receive());
    EXPECT_FALSE(stranger.receive(0ms));
}

// Both ends relayed on this node, with IPv6 relayed addresses.
TEST_P(RelayingTest, TwoClientsTalkThroughTheirRelayedAddresses) {
    for (const Family family : {Family::V4, Family::V6}) {
        TestRelay relay{setup_of(GetParam())};
        TestClient alice{GetParam().transport, relay.listener()}, bob{GetParam().transport, relay.listener()};
        bob.username = "bob";
        bob.password = "builder";
        const auto a = alice.allocate(family), b = bob.allocate(family);
        ASSERT_TRUE(a && b);
        ASSERT_EQ(family, a->address.family());
        ASSERT_TRUE(alice.bind_channel(0x4000, *b));
        ASSERT_TRUE(bob.permit(*a));

        alice.send_channel(0x4000, "from alice");
        const auto at_bob = bob.receive();
        ASSERT_TRUE(at_bob);
        EXPECT_EQ("from alice", at_bob->data());
        EXPECT_EQ(a, at_bob->peer());
        bob.send_indication(*a, "from bob");
        const auto at_alice = alice.receive();
        ASSERT_TRUE(at_alice);
        EXPECT_EQ("from bob", at_alice->data());
        EXPECT_EQ(0x4000, at_alice->channel());
    }
}

TEST_P(RelayingTest, ARefreshOfZeroEndsTheRelayAndFreesThePort) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.permit(peer.local()));
    EXPECT_EQ(1U, relay.pool->snapshot().ports_used);
    EXPECT_TRUE(relay.pool->relays().live(*relayed));

    ASSERT_EQ(0U, client.refresh(0));

    EXPECT_FALSE(relay.pool->relays().live(*relayed));
    const Snapshot after = relay.pool->snapshot();
    EXPECT_EQ(0U, after.ports_used);
    EXPECT_EQ(1U, after.ports_quarantined);
    EXPECT_EQ(0U, after.allocations);
    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(core::CloseReason::Refreshed0, relay.closed()[0].reason);
}

TEST_P(RelayingTest, AWrongPasswordGetsNothing) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    client.password = "looking glass";

    EXPECT_FALSE(client.allocate(Family::V4));
    EXPECT_EQ(401, client.last_error());
    EXPECT_EQ(0U, relay.pool->snapshot().ports_used);
}

TEST_P(RelayingTest, TheLargestDatagramsPass) {
    TestRelay relay{setup_of(GetParam())};
    TestClient client{GetParam().transport, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4ABC, peer.local()));
    // 4 bytes of header are added towards the client: 65,507 is the end over UDP on IPv4, 2^14 that of a DTLS record.
    const std::string big(GetParam().transport == Transport::Dtls ? 16'380 : 65'500, 'b');

    client.send_channel(0x4ABC, big);
    const auto at_peer = peer.receive();
    ASSERT_TRUE(at_peer);
    EXPECT_EQ(big, as_text(at_peer->bytes));
    TestRelay::Setup roomy;
    peer.send(big, *relayed);
    const auto at_client = client.receive();
    if (is_stream(GetParam().transport)) {
        // Over the default queue of 64 KiB with its header: dropped, and counted.
        EXPECT_TRUE(at_client || relay.wait_for([](const Snapshot& s) { return s.stream_queue_drops == 1; }));
    } else {
        ASSERT_TRUE(at_client);
        EXPECT_EQ(big, at_client->data());
    }
}

}  // namespace
}  // namespace turnpike::net
