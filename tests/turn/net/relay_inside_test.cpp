#include <gtest/gtest.h>

#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/datagram_ring.hpp"

// Both sides of a call relayed by one node: what one client sends reaches the other without the kernel between.
namespace turnpike::net {
namespace {

using testing::TestClient;
using testing::TestRelay;

constexpr unsigned kWorkers = 3;

TestRelay::Setup three_workers() {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "127.0.0.1:0"}, {Transport::Tcp, "127.0.0.1:0"}, {Transport::Tls, "127.0.0.1:0"},
                    {Transport::Udp, "[::1]:0"}, {Transport::Dtls, "127.0.0.1:0"}};
    setup.workers = kWorkers;
    return setup;
}

/// Two clients with an allocation each, on the workers that the test says.
struct Pair {
    Pair(TestRelay& r, std::size_t listener_a, std::size_t listener_b, Family family = Family::V4)
        : relay(r), a{r.pool->listeners()[listener_a].transport, r.listener(listener_a)},
          b{r.pool->listeners()[listener_b].transport, r.listener(listener_b)}, relayed_a(*a.allocate(family)),
          relayed_b(*b.allocate(family)) {}
    void place(unsigned worker_a, unsigned worker_b) {
        ASSERT_TRUE(relay.pool->transfer(a.tuple(), worker_a));
        ASSERT_TRUE(relay.pool->transfer(b.tuple(), worker_b));
    }
    std::uint64_t inside() const { return relay.pool->snapshot().relayed_inside; }

    TestRelay& relay;
    TestClient a, b;
    Endpoint relayed_a, relayed_b;
};

struct Case {
    std::size_t a, b;          // listeners
    unsigned worker_a, worker_b;
    const char* name;
};

class RelayInsideTest : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Legs, RelayInsideTest,
                         ::testing::Values(Case{0, 0, 1, 1, "udpOneWorker"}, Case{0, 0, 0, 2, "udpTwoWorkers"},
                                           Case{3, 3, 1, 2, "udpIpv6TwoWorkers"}, Case{1, 0, 1, 1, "tcpToUdpOneWorker"},
                                           Case{2, 0, 0, 1, "tlsToUdpTwoWorkers"}, Case{4, 1, 2, 2, "dtlsToTcpOneWorker"},
                                           Case{4, 4, 2, 1, "dtlsTwoWorkers"}),
                         [](const auto& of) { return std::string{of.param.name}; });

TEST_P(RelayInsideTest, ChannelsAndIndicationsArriveWhole) {
    TestRelay relay{three_workers()};
    Pair pair{relay, GetParam().a, GetParam().b};
    pair.place(GetParam().worker_a, GetParam().worker_b);
    ASSERT_TRUE(pair.a.permit(pair.relayed_b));
    ASSERT_TRUE(pair.b.permit(pair.relayed_a));

    pair.a.send_indication(pair.relayed_b, "by Send");
    auto got = pair.b.receive();
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->is(stun::Class::Indication, stun::Method::Data));
    EXPECT_EQ("by Send", got->data());
    EXPECT_EQ(pair.relayed_a, got->peer());

    // Only one side has a channel: ChannelData goes in and a Data indication comes out, longer in front.
    ASSERT_TRUE(pair.a.bind_channel(0x4000, pair.relayed_b));
    const std::string texts[] = {"one", "", "three, which is longer", "x"};
    for (const std::string& text : texts) pair.a.send_channel(0x4000, text);
    for (const std::string& text : texts) {
        got = pair.b.receive();
        ASSERT_TRUE(got);
        EXPECT_FALSE(got->is_channel_data());
        EXPECT_EQ(text, got->data());
    }
    ASSERT_TRUE(pair.b.bind_channel(0x4001, pair.relayed_a));
    const std::string large(1'200, 'l');
    pair.a.send_channel(0x4000, large);
    got = pair.b.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(0x4001, got->channel());
    EXPECT_EQ(large, got->data());
    pair.b.send_channel(0x4001, "back");
    got = pair.a.receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(0x4000, got->channel());
    EXPECT_EQ("back", got->data());

    // None of it was a peer's datagram, and both allocations counted all of it.
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(7U, snapshot.relayed_inside);
    EXPECT_EQ(7U, snapshot.counters.traffic.packets_to_peer);
    EXPECT_EQ(7U, snapshot.counters.traffic.packets_to_client);
}

TEST(RelayInsideRefusalTest, WhatTheOtherSideDidNotPermitEndsThere) {
    TestRelay relay{three_workers()};
    Pair pair{relay, 0, 0};
    for (const unsigned worker_b : {1U, 2U}) {
        pair.place(1, worker_b);
        ASSERT_TRUE(pair.a.bind_channel(0x4000, pair.relayed_b));
        const std::uint64_t refused = relay.pool->snapshot().counters.dropped_no_permission;
        pair.a.send_channel(0x4000, "unasked");
        EXPECT_TRUE(relay.wait_for([&](const Snapshot& s) { return s.counters.dropped_no_permission == refused + 1; }));
    }
    EXPECT_FALSE(pair.b.receive(50ms));
    // What ended is not live, so nothing even sets out for it.
    ASSERT_EQ(0U, pair.b.refresh(0));
    const std::uint64_t before = pair.inside();
    pair.a.send_channel(0x4000, "late");
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.dropped_not_live == 1; }));
    EXPECT_EQ(before, pair.inside());
}

TEST(RelayInsideHeaderTest, TtlAndTrafficClassAreCountedAsOnTwoHops) {
    TestRelay relay{three_workers()};
    Pair pair{relay, 0, 0};
    ASSERT_TRUE(pair.a.bind_channel(0x4000, pair.relayed_b));
    ASSERT_TRUE(pair.b.bind_channel(0x4000, pair.relayed_a));
    for (const unsigned worker_b : {1U, 2U}) {
        pair.place(1, worker_b);
        pair.a.ttl = 9;
        pair.a.traffic_class = 0xB8;
        pair.a.send_channel(0x4000, "marked");
        const auto got = pair.b.receive();
        ASSERT_TRUE(got);
        EXPECT_EQ(7, got->datagram.ttl);
        EXPECT_EQ(0xB8, got->datagram.traffic_class);
        const std::uint64_t drops = relay.pool->snapshot().ttl_drops;
        pair.a.ttl = 2;
        pair.a.send_channel(0x4000, "one hop too many");
        EXPECT_TRUE(relay.wait_for([&](const Snapshot& s) { return s.ttl_drops == drops + 1; }));
    }
    EXPECT_FALSE(pair.b.receive(50ms));
}

TEST(RelayInsideSizeTest, WhatNoSlotHoldsGoesByTheKernel) {
    TestRelay relay{three_workers()};
    Pair pair{relay, 1, 1};
    ASSERT_TRUE(pair.a.bind_channel(0x4000, pair.relayed_b));
    ASSERT_TRUE(pair.b.bind_channel(0x4000, pair.relayed_a));
    pair.place(0, 2);
    for (const std::size_t size : {DatagramRing::kPayloadMax, DatagramRing::kPayloadMax + 1, std::size_t{60'000}}) {
        pair.a.send_channel(0x4000, std::string(size, 's'));
        const auto got = pair.b.receive();
        ASSERT_TRUE(got) << size;
        EXPECT_EQ(size, got->data().size());
    }
    EXPECT_EQ(1U, pair.inside());
}

// The receiver moves from worker to worker under load: what is lost is counted, and nothing comes twice.
TEST(RelayInsideMoveTest, AMovingReceiverMissesNothingUncounted) {
    TestRelay relay{three_workers()};
    Pair pair{relay, 0, 0};
    ASSERT_TRUE(pair.a.bind_channel(0x4000, pair.relayed_b));
    ASSERT_TRUE(pair.b.bind_channel(0x4000, pair.relayed_a));
    pair.place(0, 1);
    const std::uint64_t before = relay.pool->snapshot().counters.dropped_no_allocation;
    constexpr int kPackets = 3'000;
    constexpr unsigned kMoves = 60;
    std::vector<int> times(kPackets);
    std::thread mover{[&] {
        for (unsigned i = 0; i < kMoves; ++i) relay.pool->transfer(pair.b.tuple(), i % kWorkers);
    }};
    const auto take = [&](Milliseconds wait) {
        const auto got = pair.b.receive(wait);
        if (got) ++times.at(static_cast<std::size_t>(std::stoi(got->data())));
        return got.has_value();
    };
    for (int i = 0; i < kPackets; ++i) {
        pair.a.send_channel(0x4000, std::to_string(i));
        if (i % 16 == 15) take(200ms);
        while (take(0ms)) {
        }
    }
    mover.join();
    while (take(300ms)) {
    }
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(0U, snapshot.hand_over_drops);
    const auto lost = static_cast<std::uint64_t>(std::count(times.begin(), times.end(), 0));
    EXPECT_EQ(lost, snapshot.counters.dropped_no_allocation - before);
    EXPECT_LT(lost, kMoves) << "on average less than one is under way at a move";
    EXPECT_EQ(0, std::count_if(times.begin(), times.end(), [](int n) { return n > 1; }));
    EXPECT_GT(snapshot.relayed_inside, 0U);
}

// ---- the ring ----

Bytes numbered(std::uint32_t number, std::size_t size) {
    Bytes bytes(size);
    store_u32(bytes, 0, number);
    return bytes;
}

TEST(DatagramRingTest, KeepsOrderAndRefusesWhenFull) {
    DatagramRing ring;
    const Endpoint from = Endpoint::parse("127.0.0.1:50000").value();
    EXPECT_FALSE(ring.next());
    std::uint32_t written = 0, read = 0;
    for (int round = 0; round < 5; ++round) {
        while (ring.push({written, 1}, from, {.ttl = 60, .traffic_class = 8}, numbered(written, 4 + written % 1'000))) ++written;
        EXPECT_EQ(DatagramRing::kSlots, written - read);
        while (const auto item = ring.next()) {
            EXPECT_EQ(read, item->to.slot);
            EXPECT_EQ(from, item->from);
            EXPECT_EQ(60, item->ip.ttl);
            EXPECT_EQ(8, item->ip.traffic_class);
            EXPECT_EQ(numbered(read, 4 + read % 1'000), Bytes(item->payload.begin(), item->payload.end()));
            ++read;
        }
        EXPECT_EQ(read, written);
        // Read, but borrowed: the memory is not the writer's yet.
        EXPECT_FALSE(ring.push({0, 1}, from, {}, numbered(0, 4)));
        ring.recycle();
    }
}

TEST(DatagramRingTest, PassesBetweenThreads) {
    DatagramRing ring;
    constexpr std::uint32_t kCount = 200'000;
    std::thread writer{[&] {
        for (std::uint32_t i = 0; i < kCount;) {
            if (ring.push({i, 1}, {}, {}, numbered(i, 4 + i % 64))) ++i;
            else std::this_thread::yield();
        }
    }};
    for (std::uint32_t expected = 0; expected < kCount;) {
        const auto item = ring.next();
        if (!item) {
            ring.recycle();
            std::this_thread::yield();
            continue;
        }
        ASSERT_EQ(expected, load_u32(item->payload, 0));
        ASSERT_EQ(4 + expected % 64, item->payload.size());
        ++expected;
    }
    writer.join();
}

}  // namespace
}  // namespace turnpike::net
