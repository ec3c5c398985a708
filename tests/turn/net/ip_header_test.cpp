#include <gtest/gtest.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include "tests/turn/net/relay_support.hpp"

namespace turnpike::net {
namespace {

using testing::Incoming;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

Endpoint at(const std::string& address, std::uint16_t port) { return {IpAddress::parse(address).value(), port}; }

// ---- which address answers ----

TEST(AskedAddressTest, RepliesLeaveFromTheAddressThatWasAskedOnAWildcardListener) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "0.0.0.0:0"}};
    setup.workers = 2;
    TestRelay relay{setup};
    const std::uint16_t port = relay.listener().port;
    for (const std::string asked : {"127.0.0.2", "127.0.0.3", "127.8.8.8"}) {
        TestClient client{Transport::Udp, at(asked, port)};
        UdpEnd peer;
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed) << asked;
        ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
        peer.send("x", *relayed);
        const auto incoming = client.receive();
        ASSERT_TRUE(incoming);
        EXPECT_EQ(at(asked, port), incoming->datagram.from) << "media too";
    }
    for (const auto& allocation : relay.pool->allocations()) {
        EXPECT_FALSE(allocation.tuple.server.address.is_unspecified()) << "the 5-tuple has the real address";
    }
}

TEST(AskedAddressTest, TheSamePortAtTwoServerAddressesIsTwoFiveTuples) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "0.0.0.0:0"}};
    TestRelay relay{setup};
    const std::uint16_t port = relay.listener().port;
    UdpEnd shared{"127.0.0.1"};
    TestClient first{Transport::Udp, at("127.0.0.2", port)};
    ASSERT_TRUE(first.allocate(Family::V4));
    EXPECT_EQ("127.0.0.2", relay.pool->allocations().at(0).tuple.server.address.to_string());
    TestClient second{Transport::Udp, at("127.0.0.3", port)};
    ASSERT_TRUE(second.allocate(Family::V4));
    EXPECT_EQ(2U, relay.pool->snapshot().allocations);
}

TEST(AskedAddressTest, WildcardsOfBothFamiliesShareAPort) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "[::]:0"}};
    TestRelay v6{setup};
    TestClient client{Transport::Udp, at("::1", v6.listener().port)};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    EXPECT_EQ(at("::1", v6.listener().port), v6.pool->allocations().at(0).tuple.server);

    // IPV6_V6ONLY: the IPv4 side of the port is somebody else's.
    setup.listen = {{Transport::Udp, "0.0.0.0:" + std::to_string(v6.listener().port)}};
    TestRelay v4{setup};
    EXPECT_EQ(v6.listener().port, v4.listener().port);
}

TEST(AskedAddressTest, StreamClientsFiveTupleHasTheAskedAddress) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tcp, "0.0.0.0:0"}};
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, at("127.0.0.4", relay.listener().port)};
    ASSERT_TRUE(client.allocate(Family::V4));
    EXPECT_EQ("127.0.0.4", relay.pool->allocations().at(0).tuple.server.address.to_string());
}

// ---- RFC 8656 §15: what of the IP header goes along ----

constexpr int kAf41Ect0 = (34 << 2) | 2, kEfCe = (46 << 2) | 3;

TEST(IpHeaderTest, TimeToLiveIsDecrementedAndDscpAndEcnAreCopiedBothWays) {
    for (const bool channel : {true, false}) {
        TestRelay relay;
        TestClient client{Transport::Udp, relay.listener()};
        UdpEnd peer;
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed);
        ASSERT_TRUE(channel ? client.bind_channel(0x4000, peer.local()) : client.permit(peer.local()));

        client.ttl = 40;
        client.traffic_class = kAf41Ect0;
        if (channel) client.send_channel(0x4000, "up");
        else client.send_indication(peer.local(), "up");
        const auto up = peer.receive();
        ASSERT_TRUE(up);
        EXPECT_EQ(39, up->ttl);
        EXPECT_EQ(kAf41Ect0, up->traffic_class);

        peer.send("down", *relayed, 30, kEfCe);
        const auto down = client.receive();
        ASSERT_TRUE(down);
        EXPECT_EQ(29, down->datagram.ttl);
        EXPECT_EQ(kEfCe, down->datagram.traffic_class);
    }
}

// Client, relayed address of alice, relayed address of bob, bob: two relays on the way.
TEST(IpHeaderTest, HopLimitAndTrafficClassGoAlongOnIpv6) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "[::1]:0"}};
    TestRelay relay{setup};
    TestClient alice{Transport::Udp, relay.listener()}, bob{Transport::Udp, relay.listener()};
    const auto a = alice.allocate(Family::V6), b = bob.allocate(Family::V6);
    ASSERT_TRUE(a && b);
    ASSERT_TRUE(alice.bind_channel(0x4000, *b) && bob.bind_channel(0x4000, *a));

    alice.ttl = 50;
    alice.traffic_class = kAf41Ect0;
    alice.send_channel(0x4000, "x");
    const auto at_bob = bob.receive();
    ASSERT_TRUE(at_bob);
    EXPECT_EQ(48, at_bob->datagram.ttl);
    EXPECT_EQ(kAf41Ect0, at_bob->datagram.traffic_class);
}

TEST(IpHeaderTest, ADatagramAtTheEndOfItsTimeToLiveGoesNoFurther) {
    TestRelay relay;
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));

    client.ttl = 1;
    client.send_channel(0x4000, "up");
    peer.send("down", *relayed, 1);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.ttl_drops == 2; }));

    client.ttl = 2;
    client.send_channel(0x4000, "far enough");
    const auto up = peer.receive();
    ASSERT_TRUE(up);
    EXPECT_EQ("far enough", as_text(up->bytes));
    EXPECT_EQ(1, up->ttl);
}

TEST(IpHeaderTest, StreamClientsDataLeavesWithTheDefaults) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tcp, "127.0.0.1:0"}};
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    client.send_channel(0x4000, "x");
    const auto up = peer.receive();
    ASSERT_TRUE(up);
    EXPECT_GE(up->ttl, 32);
    EXPECT_EQ(0, up->traffic_class);
}

// The don't-fragment bit of the first UDP datagram to `to`, seen by a raw socket.
std::optional<bool> dont_fragment_of_next(int raw, const Endpoint& to) {
    std::array<std::uint8_t, 2048> packet{};
    for (;;) {
        const ssize_t got = ::recv(raw, packet.data(), packet.size(), 0);
        if (got < 28) return {};
        const std::size_t header = (packet[0] & 0x0FU) * 4;
        if (load_u16(packet, header + 2) != to.port) continue;
        return (packet[6] & 0x40) != 0;
    }
}

// RFC 8656 §15 and §18.9: fragments pass, unless the client asked for DF.
TEST(IpHeaderTest, DontFragmentIsSetWhenAskedOnly) {
    const FileDescriptor raw{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP)};
    if (!raw) GTEST_SKIP() << "raw sockets need CAP_NET_RAW";
    const timeval timeout{2, 0};
    ::setsockopt(raw.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    TestRelay relay;
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.permit(peer.local()));

    for (const bool asked : {false, true, false}) {
        client.send_indication(peer.local(), "x", asked);
        EXPECT_EQ(asked, dont_fragment_of_next(raw.get(), peer.local()));
        ASSERT_TRUE(peer.receive());
    }
}

}  // namespace
}  // namespace turnpike::net
