#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/error_queue.hpp"

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Class;
using stun::Method;
using testing::Incoming;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

stun::IcmpValue icmp_of(const Incoming& incoming) {
    return stun::decode_icmp(stun::MessageView::parse(incoming.bytes).value().find(Attribute::Icmp).value()).value();
}

// An address where nobody listens: somebody did, a moment ago.
Endpoint closed_port(const std::string& address) { return UdpEnd{address}.local(); }

class IcmpTest : public ::testing::TestWithParam<unsigned> {};  // workers

INSTANTIATE_TEST_SUITE_P(Workers, IcmpTest, ::testing::Values(1U, 2U, 4U));

// Both families; on IPv6 loopback has one address only, which is the relay's own here, so no relay sends to it.
class ErrorQueueTest : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Families, ErrorQueueTest, ::testing::Values("127.0.0.1", "::1"));

TEST_P(ErrorQueueTest, HasWhatIcmpSaysOfAClosedPort) {
    const Endpoint nobody = closed_port(GetParam());
    const auto socket = open_udp({IpAddress::parse(GetParam()).value(), 0}, {.errors = true});
    ASSERT_TRUE(socket);
    EXPECT_FALSE(next_error(*socket)) << "nothing yet";
    sockaddr_storage name{};
    const socklen_t size = nobody.to(name);
    ASSERT_EQ(1, ::sendto(socket->fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&name), size));
    const auto error = next_error(*socket);
    ASSERT_TRUE(error && *error);
    const bool v4 = nobody.address.is_v4();
    EXPECT_EQ((PeerError{nobody, std::uint8_t(v4 ? 3 : 1), std::uint8_t(v4 ? 3 : 4), 0}), **error);
    EXPECT_FALSE(next_error(*socket)) << "once";
}

// With DF, what does not fit the link is an error that names the link's MTU. The longest datagram of
// IPv4 fits on loopback; that of IPv6 does not.
TEST(ErrorQueueLinkTest, HasWhatDoesNotFitTheLink) {
    const auto socket = open_udp({IpAddress::parse("::1").value(), 0}, {.errors = true});
    ASSERT_TRUE(socket);
    const Endpoint to = closed_port("::1");
    sockaddr_storage name{};
    const socklen_t size = to.to(name);
    const Bytes longest(65'507);
    set_dont_fragment(*socket, true);
    ASSERT_GT(0, ::sendto(socket->fd.get(), longest.data(), longest.size(), 0, reinterpret_cast<const sockaddr*>(&name), size));
    EXPECT_EQ(EMSGSIZE, errno);
    const auto error = next_error(*socket);
    ASSERT_TRUE(error && *error);
    EXPECT_EQ(to, (*error)->peer);
    EXPECT_EQ(2, (*error)->type) << "packet too big";
    EXPECT_EQ(0, (*error)->code);
    EXPECT_GT((*error)->mtu, 1280U);
}

// RFC 8656 §11.5: a peer's closed port, over Send and over a channel.
TEST_P(IcmpTest, TellsTheClientOfAClosedPort) {
    TestRelay::Setup setup;
    setup.workers = GetParam();
    TestRelay relay{setup};
    TestClient client{Transport::Udp, relay.listener()};
    const Endpoint nobody = closed_port("127.0.0.9");
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.permit(nobody));
    for (int i = 0; i < 2; ++i) {
        if (i == 0) client.send_indication(nobody, "anybody?");
        else {
            ASSERT_TRUE(client.bind_channel(0x4000, nobody));
            client.send_channel(0x4000, "anybody?");
        }
        const auto told = client.receive();
        ASSERT_TRUE(told) << i;
        ASSERT_TRUE(told->is(Class::Indication, Method::Data));
        EXPECT_EQ(nobody, told->peer());
        EXPECT_EQ(3, icmp_of(*told).type);
        EXPECT_EQ(3, icmp_of(*told).code) << "port unreachable";
        EXPECT_EQ(0U, icmp_of(*told).data);
        EXPECT_FALSE(stun::MessageView::parse(told->bytes).value().has(Attribute::Data));
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.icmp_indications == 2; }));
}

TEST_P(IcmpTest, StreamClientsHearOfItToo) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tcp, "127.0.0.1:0"}};
    setup.workers = GetParam();
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    const Endpoint nobody = closed_port("127.0.0.9");
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.permit(nobody));
    client.send_indication(nobody, "anybody?");
    const auto told = client.receive();
    ASSERT_TRUE(told);
    EXPECT_EQ(nobody, told->peer());
}

// The error of one datagram is no other's: all that goes to the open port arrives, whatever the closed one says.
TEST_P(IcmpTest, NoDatagramIsLostBesideAClosedPort) {
    TestRelay::Setup setup;
    setup.workers = GetParam();
    TestRelay relay{setup};
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    const Endpoint nobody = closed_port("127.0.0.9");
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, nobody) && client.bind_channel(0x4001, peer.local()));
    for (int i = 0; i < 500; ++i) {
        const std::string text = std::to_string(i);
        client.send_channel(0x4000, text);
        client.send_channel(0x4001, text);
        client.send_channel(0x4000, text);
        const auto up = peer.receive();
        ASSERT_TRUE(up) << i;
        ASSERT_EQ(text, as_text(up->bytes));
        peer.send(text, *relayed);
        // Down comes the echo, with an indication here and there.
        for (;;) {
            const auto down = client.receive();
            ASSERT_TRUE(down) << i;
            if (!down->is_channel_data()) continue;
            ASSERT_EQ(text, down->data());
            break;
        }
    }
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(0U, snapshot.send_drops);
    EXPECT_GT(snapshot.counters.icmp_indications, 0U);
    EXPECT_LT(snapshot.counters.icmp_indications, 200U) << "bounded in rate";
}

// An error queue that nobody empties makes the loop spin: the worker must come to rest.
TEST(IcmpRestTest, WithoutAPermissionThereIsSilenceAndRest) {
    TestRelay relay;
    TestClient client{Transport::Udp, relay.listener()}, other{Transport::Udp, relay.listener()};
    const Endpoint nobody = closed_port("127.0.0.9");
    ASSERT_TRUE(client.allocate(Family::V4));
    const auto relayed = other.allocate(Family::V4);
    ASSERT_TRUE(relayed && client.permit(nobody));
    for (int i = 0; i < 100; ++i) client.send_indication(nobody, "x");
    ASSERT_TRUE(relay.wait_for([](const Snapshot& s) {
        return s.counters.icmp_indications + s.counters.dropped_icmp > 0 && s.datagrams_sent >= 100;
    }));
    // The other allocation never hears of it.
    EXPECT_FALSE(other.receive(50ms));
    ASSERT_EQ(0U, client.refresh(0));
    EXPECT_EQ(600U, other.refresh(600)) << "the worker goes on";
}

}  // namespace
}  // namespace turnpike::net
