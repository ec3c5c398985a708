#include <gtest/gtest.h>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/steering.hpp"

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Method;
using testing::Incoming;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

Bytes ticket_of(const Incoming& answer) {
    const auto message = stun::MessageView::parse(answer.bytes);
    const ByteView ticket = message.value().find(Attribute::MobilityTicket).value_or(ByteView{});
    return {ticket.begin(), ticket.end()};
}
// The new ticket; nothing when it is refused.
std::optional<Bytes> show(TestClient& client, ByteView ticket) {
    const auto answer = client.request(Method::Refresh, [&](auto& m) { m.bytes(Attribute::MobilityTicket, ticket); });
    if (!answer || answer->error() != 0) return {};
    return ticket_of(*answer);
}

struct Started {
    Endpoint relayed;
    Bytes ticket;
};
Started start(TestClient& client, const Endpoint& peer) {
    const auto answer = client.request(Method::Allocate, [](auto& m) {
        m.u8(Attribute::RequestedTransport, stun::kProtocolUdp).flag(Attribute::MobilityTicket);
    });
    EXPECT_TRUE(answer && answer->error() == 0);
    EXPECT_TRUE(client.bind_channel(0x4000, peer));
    return {answer->address(Attribute::XorRelayedAddress).value(), ticket_of(*answer)};
}

TestRelay::Setup with(unsigned workers, Transport transport) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "127.0.0.1:0"}, {transport, "127.0.0.1:0"}};
    setup.workers = workers;
    setup.core.mobility = true;
    setup.core.nat_rebinding = true;
    return setup;
}

void expect_to_hear(TestClient& client, UdpEnd& peer, const Endpoint& relayed, const std::string& text) {
    peer.send(text, relayed);
    const auto down = client.receive();
    ASSERT_TRUE(down) << text;
    EXPECT_EQ(text, down->data());
}
void expect_to_reach(TestClient& client, UdpEnd& peer, const Endpoint& relayed, const std::string& text) {
    client.send_channel(0x4000, text);
    const auto up = peer.receive();
    ASSERT_TRUE(up) << text;
    EXPECT_EQ(text, as_text(up->bytes));
    EXPECT_EQ(relayed, up->from) << "the relayed address stays";
}

class MobilityTest : public ::testing::TestWithParam<std::tuple<unsigned, Transport>> {};

INSTANTIATE_TEST_SUITE_P(Workers, MobilityTest,
                         ::testing::Combine(::testing::Values(1U, 2U, 4U),
                                            ::testing::Values(Transport::Udp, Transport::Tcp, Transport::Tls)));

// RFC 8016: from address to address, each of another worker by chance; data both ways at each.
TEST_P(MobilityTest, AnAllocationFollowsItsClientFromAddressToAddress) {
    const auto [workers, transport] = GetParam();
    TestRelay relay{with(workers, transport)};
    UdpEnd peer;
    auto client = std::make_unique<TestClient>(transport, relay.listener(1));
    auto [relayed, ticket] = start(*client, peer.local());
    for (int i = 0; i < 12; ++i) {
        // Every third time by another transport.
        const bool udp = i % 3 == 1;
        auto next = std::make_unique<TestClient>(udp ? Transport::Udp : transport, relay.listener(udp ? 0 : 1));
        const auto renewed = show(*next, ticket);
        ASSERT_TRUE(renewed) << i << ": " << next->last_error();
        EXPECT_NE(ticket, *renewed);
        expect_to_hear(*client, peer, relayed, "still at the old one");
        expect_to_reach(*client, peer, relayed, "from there too");
        expect_to_reach(*next, peer, relayed, "from the new one");
        expect_to_hear(*next, peer, relayed, "at the new one");
        EXPECT_FALSE(client->refresh(600)) << "the old 5-tuple is nobody's";
        EXPECT_EQ(437, client->last_error());
        EXPECT_FALSE(show(*client, ticket)) << "used";
        EXPECT_EQ(437, client->last_error());
        client = std::move(next);
        ticket = *renewed;
    }
    EXPECT_EQ(600U, client->refresh(600));
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(1U, snapshot.allocations);
    EXPECT_EQ(1U, snapshot.ports_used);
    EXPECT_EQ(1U, snapshot.allocations_by_transport[static_cast<std::size_t>(client->tuple().transport)]);
    EXPECT_EQ(12U, snapshot.counters.clients_moved);
    EXPECT_EQ(0U, client->refresh(0));
    ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.allocations == 0 && s.ports_used == 0; }));
    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(client->tuple(), relay.closed()[0].tuple);
}

TEST_P(MobilityTest, OthersAreRefusedWhereverTheyAre) {
    const auto [workers, transport] = GetParam();
    TestRelay relay{with(workers, transport)};
    UdpEnd peer;
    TestClient client{transport, relay.listener(1)};
    const auto [relayed, ticket] = start(client, peer.local());
    for (int i = 0; i < 6; ++i) {
        TestClient bob{transport, relay.listener(1)};
        bob.username = "bob";
        bob.password = "builder";
        EXPECT_FALSE(show(bob, ticket));
        EXPECT_EQ(441, bob.last_error());
        TestClient guess{transport, relay.listener(1)};
        EXPECT_FALSE(show(guess, Bytes(16, static_cast<std::uint8_t>(i))));
        EXPECT_EQ(437, guess.last_error());
    }
    expect_to_reach(client, peer, relayed, "nothing happened");
}

// What is on its way to a worker does not go to a third one.
TEST(MobilityTransferTest, AnAllocationWhoseClientIsMovingStays) {
    TestRelay relay{with(4, Transport::Tcp)};
    UdpEnd peer;
    TestClient client{Transport::Udp, relay.listener()}, next{Transport::Udp, relay.listener()};
    const auto [relayed, ticket] = start(client, peer.local());
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 3));
    ASSERT_TRUE(show(next, ticket));
    const unsigned home = Steering{4}.worker_for(next.local());
    EXPECT_FALSE(relay.pool->transfer(client.tuple(), (home + 1) % 4));
    expect_to_reach(next, peer, relayed, "x");
    for (unsigned to = 0; to < 4; ++to) {
        EXPECT_TRUE(relay.pool->transfer(next.tuple(), to));
        expect_to_hear(next, peer, relayed, "at " + std::to_string(to));
    }
}

class RebindingTest : public ::testing::TestWithParam<unsigned> {};

INSTANTIATE_TEST_SUITE_P(Workers, RebindingTest, ::testing::Values(1U, 2U, 4U));

// relay.nat_rebinding: the client knows nothing of its new port; its next request heals the call.
TEST_P(RebindingTest, ACallSurvivesEachNewPortOfItsNat) {
    TestRelay relay{with(GetParam(), Transport::Tcp)};
    UdpEnd peer;
    TestClient client{Transport::Udp, relay.listener()};
    const Endpoint relayed = start(client, peer.local()).relayed;
    for (int i = 0; i < 12; ++i) {
        client.change_port();
        ASSERT_EQ(600U, client.refresh(600)) << i << ": " << client.last_error();
        expect_to_reach(client, peer, relayed, "up");
        expect_to_hear(client, peer, relayed, "down");
    }
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(1U, snapshot.allocations);
    EXPECT_EQ(12U, snapshot.counters.clients_moved);
    EXPECT_TRUE(relay.closed().empty());
}

TEST_P(RebindingTest, IsOffUnlessAskedFor) {
    TestRelay::Setup setup = with(GetParam(), Transport::Tcp);
    setup.core.nat_rebinding = false;
    TestRelay relay{setup};
    UdpEnd peer;
    TestClient client{Transport::Udp, relay.listener()};
    start(client, peer.local());
    client.change_port();
    EXPECT_FALSE(client.refresh(600));
    EXPECT_EQ(437, client.last_error()) << "after a 438 for the nonce of another port";
}

}  // namespace
}  // namespace turnpike::net
