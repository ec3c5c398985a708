#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <deque>
#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/steering.hpp"

namespace turnpike::net {
namespace {

using stun::Method;
using testing::ManualClock;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

constexpr unsigned kWorkers = 4;

TestRelay::Setup four_workers() {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "127.0.0.1:0"}, {Transport::Tcp, "127.0.0.1:0"}, {Transport::Tls, "127.0.0.1:0"},
                    {Transport::Udp, "[::1]:0"}, {Transport::Dtls, "127.0.0.1:0"}};
    setup.workers = kWorkers;
    return setup;
}

// Everything that an allocation is for, in order.
void expect_whole(TestClient& client, UdpEnd& peer, const Endpoint& relayed, const std::string& text) {
    client.send_channel(0x4000, text);
    const auto at_peer = peer.receive();
    ASSERT_TRUE(at_peer) << text;
    EXPECT_EQ(text, as_text(at_peer->bytes));
    EXPECT_EQ(relayed, at_peer->from) << "the relayed address stays";
    peer.send(text, relayed);
    const auto at_client = client.receive();
    ASSERT_TRUE(at_client) << text;
    EXPECT_EQ(text, at_client->data());
    EXPECT_EQ(600U, client.refresh(600)) << text;
}

class TransferTest : public ::testing::TestWithParam<std::size_t> {};  // listener

std::string name_of(const ::testing::TestParamInfo<std::size_t>& listener) {
    const char* const names[] = {"udp", "tcp", "tls", "udpIpv6", "dtls"};
    return names[listener.param];
}

INSTANTIATE_TEST_SUITE_P(Legs, TransferTest, ::testing::Values(0U, 1U, 2U, 3U, 4U), name_of);

TEST_P(TransferTest, AnAllocationMovesThroughEveryWorkerAndStaysWhole) {
    TestRelay relay{four_workers()};
    const std::size_t listener = GetParam();
    TestClient client{relay.pool->listeners()[listener].transport, relay.listener(listener)};
    UdpEnd peer, second_peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    expect_whole(client, peer, *relayed, "before");

    for (const unsigned to : {0U, 1U, 2U, 3U, 3U, 1U, 0U, 2U}) {
        ASSERT_TRUE(relay.pool->transfer(client.tuple(), to));
        expect_whole(client, peer, *relayed, "at " + std::to_string(to));
    }
    // State that was made at one worker is known at the next.
    ASSERT_TRUE(client.bind_channel(0x4001, second_peer.local()));
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 1));
    client.send_channel(0x4001, "second");
    EXPECT_TRUE(second_peer.receive());

    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(1U, snapshot.allocations);
    EXPECT_EQ(1U, snapshot.ports_used);
    EXPECT_EQ(1U, snapshot.allocations_by_transport[static_cast<std::size_t>(client.tuple().transport)]);
    EXPECT_TRUE(relay.closed().empty());
    EXPECT_TRUE(relay.pool->relays().live(*relayed));
}

TEST(TransferHomeTest, AnAllocationThatEndsAwayFromHomeLeavesItsFiveTupleFree) {
    TestRelay relay{four_workers()};
    TestClient client{Transport::Udp, relay.listener()};
    const unsigned home = Steering{kWorkers}.worker_for(client.local());
    UdpEnd peer;
    for (unsigned round = 0; round < 2 * kWorkers; ++round) {
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed) << round << ": " << client.last_error();
        ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
        ASSERT_TRUE(relay.pool->transfer(client.tuple(), (home + round) % kWorkers));
        expect_whole(client, peer, *relayed, "round " + std::to_string(round));
        ASSERT_EQ(0U, client.refresh(0));
        EXPECT_EQ(0U, relay.pool->snapshot().allocations);
    }
    // Nobody's exception is left: what comes now is handled at home, without a hop.
    ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.ports_used == 0; }));
    const std::uint64_t hops = relay.pool->snapshot().handed_over;
    ASSERT_TRUE(client.allocate(Family::V4));
    EXPECT_EQ(hops, relay.pool->snapshot().handed_over);
}

TEST_P(TransferTest, AMovedAllocationCanBeKilled) {
    TestRelay relay{four_workers()};
    const std::size_t listener = GetParam();
    TestClient client{relay.pool->listeners()[listener].transport, relay.listener(listener)};
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 2));
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 3));
    const auto listed = relay.pool->allocations();
    ASSERT_EQ(1U, listed.size());
    EXPECT_EQ(1U, relay.pool->kill(listed[0].id, core::CloseReason::Killed));
    EXPECT_EQ(0U, relay.pool->snapshot().ports_used);
    if (client.tuple().transport != Transport::Udp) {
        EXPECT_TRUE(client.closed_by_server());
    } else {
        EXPECT_TRUE(client.allocate(Family::V4)) << "and again";
    }
}

TEST(TransferRefusalTest, WhatIsNotThereDoesNotMove) {
    TestRelay relay{four_workers()};
    TestClient client{Transport::Udp, relay.listener()};
    EXPECT_FALSE(relay.pool->transfer(client.tuple(), 1)) << "no allocation";
    ASSERT_TRUE(client.allocate(Family::V4));
    EXPECT_FALSE(relay.pool->transfer(client.tuple(), kWorkers)) << "no such worker";
    ASSERT_EQ(0U, client.refresh(0));
    EXPECT_FALSE(relay.pool->transfer(client.tuple(), 1)) << "gone";
}

TEST(TransferExpiryTest, AMovedAllocationExpiresInItsTime) {
    ManualClock clock;
    TestRelay::Setup setup = four_workers();
    setup.clock = &clock;
    TestRelay relay{setup};
    TestClient client{Transport::Udp, relay.listener()};
    ASSERT_TRUE(client.allocate(Family::V4, 600));
    clock.advance(300s);
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 1));
    ASSERT_TRUE(relay.pool->transfer(client.tuple(), 2));
    clock.advance(298s);
    EXPECT_EQ(1U, relay.pool->snapshot().allocations);
    clock.advance(2101ms);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.allocations == 0 && s.ports_used == 0; }));
    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(core::CloseReason::Expired, relay.closed()[0].reason);
}

// A packet that the kernel steers by its address alone reaches some worker; home gets it handed over.
TEST(HandOverTest, PacketsWithExtensionHeadersReachTheirOwner) {
    TestRelay relay{four_workers()};
    UdpEnd peer;
    for (int i = 0; i < 16; ++i) {
        TestClient client{Transport::Udp, relay.listener(3)};
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed);
        ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
        const std::uint8_t padding[8] = {0, 0, 1, 4, 0, 0, 0, 0};  // a destination options header of one PadN
        if (::setsockopt(client.fd(), IPPROTO_IPV6, IPV6_DSTOPTS, padding, sizeof padding) != 0) {
            GTEST_SKIP() << "destination options need CAP_NET_RAW";
        }
        client.send_channel(0x4000, "with options");
        ASSERT_TRUE(peer.receive());
        EXPECT_TRUE(client.refresh(600)) << "requests too";
    }
    EXPECT_GT(relay.pool->snapshot().handed_over, 0U);
}

// Four workers, traffic both ways and refreshes, while every allocation is moved about. UDP may lose
// datagrams; nothing that was acknowledged may be lost, and streams' bytes never.
TEST(TransferLoadTest, NothingAcknowledgedIsLostWhileAllocationsMoveUnderLoad) {
    TestRelay relay{four_workers()};
    struct Talker {
        std::unique_ptr<TestClient> client;
        UdpEnd peer;
        Endpoint relayed;
        int sent = 0, answered = 0, echoed = 0;
        std::string failure;
    };
    std::vector<std::unique_ptr<Talker>> talkers;
    for (std::size_t i = 0; i < 7; ++i) {
        auto talker = std::make_unique<Talker>();
        const std::size_t listener = std::array<std::size_t, 7>{0, 1, 2, 3, 0, 1, 4}[i];
        talker->client = std::make_unique<TestClient>(relay.pool->listeners()[listener].transport, relay.listener(listener));
        const auto relayed = talker->client->allocate(Family::V4);
        ASSERT_TRUE(relayed);
        talker->relayed = *relayed;
        ASSERT_TRUE(talker->client->bind_channel(0x4000, talker->peer.local()));
        talkers.push_back(std::move(talker));
    }

    std::atomic<bool> go_on{true};
    std::vector<std::thread> threads;
    for (auto& talker : talkers) {
        threads.emplace_back([&go_on, &t = *talker] {
            std::uint16_t channel = 0x4001;
            std::deque<UdpEnd> others;  // kept: a port of its own for each
            while (go_on && t.failure.empty()) {
                for (int i = 0; i < 20; ++i) {
                    const std::string text = std::to_string(++t.sent);
                    t.client->send_channel(0x4000, text);
                    if (const auto up = t.peer.receive(500ms)) {
                        t.peer.send(up->bytes, t.relayed);
                        if (t.client->receive(500ms)) ++t.echoed;
                    }
                }
                // What is acknowledged holds wherever the allocation goes.
                if (t.client->refresh(600) != 600U) t.failure = "refresh: " + std::to_string(t.client->last_error());
                UdpEnd& another = others.emplace_back();
                if (channel < 0x4040 && !t.client->bind_channel(channel, another.local())) {
                    t.failure = "channel: " + std::to_string(t.client->last_error());
                } else if (channel < 0x4040) {
                    t.client->send_channel(channel++, "bound");
                    if (!another.receive(2000ms)) t.failure = "a bound channel did not carry";
                }
                ++t.answered;
            }
        });
    }
    const auto end = std::chrono::steady_clock::now() + 2s;
    int moves = 0;
    unsigned worker = 0;
    while (std::chrono::steady_clock::now() < end) {
        for (const auto& talker : talkers) {
            if (relay.pool->transfer(talker->client->tuple(), ++worker % kWorkers)) ++moves;
        }
    }
    go_on = false;
    for (auto& thread : threads) thread.join();

    EXPECT_GT(moves, 50);
    int sent = 0, echoed = 0;
    for (const auto& t : talkers) {
        EXPECT_EQ("", t->failure);
        EXPECT_GT(t->answered, 0);
        sent += t->sent;
        echoed += t->echoed;
    }
    EXPECT_GE(echoed, sent - sent / 100) << "of " << sent;
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(7U, snapshot.allocations);
    EXPECT_EQ(7U, snapshot.ports_used);
    EXPECT_TRUE(relay.closed().empty());
    EXPECT_EQ(0U, snapshot.hand_over_drops);
    RecordProperty("moves", moves);
    RecordProperty("sent", sent);
}

}  // namespace
}  // namespace turnpike::net
