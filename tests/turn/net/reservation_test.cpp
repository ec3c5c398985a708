#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/turn/net/relay_support.hpp"

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Method;
using testing::Incoming;
using testing::ManualClock;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

// The success; nothing when it is refused.
std::optional<Incoming> allocate(TestClient& client, const std::function<void(stun::MessageBuilder&)>& more) {
    auto answer = client.request(Method::Allocate, [&](auto& m) {
        m.u8(Attribute::RequestedTransport, stun::kProtocolUdp);
        more(m);
    });
    if (!answer || answer->error() != 0) return {};
    return answer;
}
std::optional<Incoming> reserve(TestClient& client) {
    return allocate(client, [](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0x80}); });
}
std::optional<Incoming> claim(TestClient& client, ByteView token) {
    return allocate(client, [&](auto& m) { m.bytes(Attribute::ReservationToken, token); });
}
Bytes token_of(const Incoming& answer) {
    const auto message = stun::MessageView::parse(answer.bytes);
    const ByteView token = message.value().find(Attribute::ReservationToken).value();
    return {token.begin(), token.end()};
}
Endpoint relayed_of(const Incoming& answer) { return answer.address(Attribute::XorRelayedAddress).value(); }

// Few ports, at an address where nobody else's sockets are.
TestRelay::Setup few_ports(std::uint16_t first, std::uint16_t last) {
    const IpAddress address = IpAddress::parse("127.0.7.77").value();
    TestRelay::Setup setup;
    setup.relay_addresses = {{address, address}};
    setup.port_min = first;
    setup.port_max = last;
    return setup;
}

class ReservationTest : public ::testing::TestWithParam<unsigned> {};  // workers

INSTANTIATE_TEST_SUITE_P(Workers, ReservationTest, ::testing::Values(1U, 2U, 4U));

// Several pairs, so that with more than one worker the token is shown to another one.
TEST_P(ReservationTest, TheTokenGetsTheNextPortOnWhateverWorker) {
    TestRelay::Setup setup;
    setup.workers = GetParam();
    TestRelay relay{setup};
    for (int i = 0; i < 8; ++i) {
        TestClient rtp{Transport::Udp, relay.listener()}, rtcp{Transport::Udp, relay.listener()};
        UdpEnd peer;
        const auto even = reserve(rtp);
        ASSERT_TRUE(even);
        EXPECT_EQ(0, relayed_of(*even).port % 2);
        const Endpoint next{relayed_of(*even).address, static_cast<std::uint16_t>(relayed_of(*even).port + 1)};
        EXPECT_FALSE(relay.pool->relays().live(next)) << "held is not live";
        EXPECT_EQ(1U, relay.pool->snapshot().ports_reserved);
        peer.send("too early", next);

        const auto odd = claim(rtcp, token_of(*even));
        ASSERT_TRUE(odd) << rtcp.last_error();
        EXPECT_EQ(next, relayed_of(*odd));
        EXPECT_EQ(0U, relay.pool->snapshot().ports_reserved);
        ASSERT_TRUE(rtcp.bind_channel(0x4000, peer.local()));
        peer.send("rtcp", next);
        const auto incoming = rtcp.receive();
        ASSERT_TRUE(incoming);
        EXPECT_EQ("rtcp", incoming->data()) << "nothing from before";
        rtcp.send_channel(0x4000, "report");
        const auto up = peer.receive();
        ASSERT_TRUE(up);
        EXPECT_EQ(next, up->from);
        EXPECT_FALSE(claim(rtp, token_of(*even)));
        EXPECT_EQ(437, rtp.last_error());
        ASSERT_EQ(0U, rtcp.refresh(0));
        EXPECT_FALSE(claim(rtcp, token_of(*even)));
        EXPECT_EQ(508, rtcp.last_error()) << "used";
        ASSERT_EQ(0U, rtp.refresh(0)) << "the next client may get this one's port";
    }
}

TEST_P(ReservationTest, AHeldPortIsFreeAgainWhenItsTimeIsOver) {
    ManualClock clock;
    TestRelay::Setup setup = few_ports(20'000, 20'003);
    setup.workers = GetParam();
    setup.clock = &clock;
    TestRelay relay{setup};
    TestClient first{Transport::Udp, relay.listener()}, second{Transport::Udp, relay.listener()},
        third{Transport::Udp, relay.listener()};
    const auto even = reserve(first);
    ASSERT_TRUE(even) << first.last_error();
    ASSERT_TRUE(reserve(second)) << second.last_error();
    EXPECT_FALSE(third.allocate(Family::V4));
    EXPECT_EQ(508, third.last_error()) << "two pairs are all there is";
    EXPECT_EQ(2U, relay.pool->snapshot().ports_reserved);

    clock.advance(29s);
    EXPECT_EQ(2U, relay.pool->snapshot().ports_reserved);
    clock.advance(1s + 100ms);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.ports_reserved == 0 && s.ports_quarantined == 2; }));
    EXPECT_EQ(2U, relay.pool->snapshot().ports_used);
    EXPECT_FALSE(claim(third, token_of(*even)));
    EXPECT_EQ(508, third.last_error()) << "too late";
    clock.advance(5s);
    EXPECT_TRUE(third.allocate(Family::V4)) << "the port can be drawn";
}

// A port whose next one somebody else has is no pair.
TEST(ReservationPairTest, APairNeedsBothPorts) {
    const TestRelay::Setup setup = few_ports(20'010, 20'013);
    TestRelay relay{setup};
    FileDescriptor blocker{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage name{};
    const Endpoint taken{setup.relay_addresses[0].local, 20'011};
    const socklen_t size = taken.to(name);
    ASSERT_EQ(0, ::bind(blocker.get(), reinterpret_cast<const sockaddr*>(&name), size));
    TestClient first{Transport::Udp, relay.listener()}, second{Transport::Udp, relay.listener()};
    const auto even = reserve(first);
    ASSERT_TRUE(even);
    EXPECT_EQ(20'012, relayed_of(*even).port);
    EXPECT_FALSE(reserve(second));
    EXPECT_EQ(508, second.last_error());
    EXPECT_EQ(1U, relay.pool->snapshot().ports_used);
    EXPECT_EQ(1U, relay.pool->snapshot().ports_reserved);
}

}  // namespace
}  // namespace turnpike::net
