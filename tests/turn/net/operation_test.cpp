#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <set>
#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/descriptor_limit.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {
namespace {

using stun::Method;
using testing::ManualClock;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

TestRelay::Setup all_transports(unsigned workers) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "127.0.0.1:0"}, {Transport::Tcp, "127.0.0.1:0"}, {Transport::Tls, "127.0.0.1:0"}};
    setup.workers = workers;
    return setup;
}

// ---- kill, revoke, stop ----

TEST(OperationTest, AKilledAllocationRelaysNothingMore) {
    TestRelay relay{all_transports(2)};
    for (std::size_t i = 0; i < 3; ++i) {
        const Transport transport = relay.pool->listeners()[i].transport;
        TestClient client{transport, relay.listener(i)}, other{transport, relay.listener(i)};
        UdpEnd peer;
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed);
        ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
        ASSERT_TRUE(other.allocate(Family::V4) && other.bind_channel(0x4000, peer.local()));
        core::AllocationId id;
        for (const auto& a : relay.pool->allocations()) {
            if (a.tuple == client.tuple()) id = a.id;
        }

        EXPECT_EQ(1U, relay.pool->kill(id, core::CloseReason::Killed));
        EXPECT_EQ(0U, relay.pool->kill(id, core::CloseReason::Killed)) << "once";

        client.send_channel(0x4000, "after the end");
        peer.send("after the end", *relayed);
        if (is_stream(transport)) {
            EXPECT_TRUE(client.closed_by_server());
        }
        EXPECT_FALSE(relay.pool->relays().live(*relayed));
        other.send_channel(0x4000, "beside it");
        const auto at_peer = peer.receive();
        ASSERT_TRUE(at_peer);
        EXPECT_EQ("beside it", as_text(at_peer->bytes)) << "the one beside it goes on, and nothing else came";
        EXPECT_EQ(core::CloseReason::Killed, relay.closed().back().reason);
        EXPECT_EQ("alice", relay.closed().back().subject);
        ASSERT_EQ(0U, other.refresh(0).value_or(1));
    }
}

TEST(OperationTest, RevokingASubjectEndsItsAllocationsOnEveryWorkerAndRefusesNewOnes) {
    TestRelay relay{all_transports(4)};
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 8; ++i) {
        clients.push_back(std::make_unique<TestClient>(Transport::Udp, relay.listener()));
        ASSERT_TRUE(clients.back()->allocate(Family::V4));
    }
    TestClient bob{Transport::Udp, relay.listener()};
    bob.username = "bob";
    bob.password = "builder";
    ASSERT_TRUE(bob.allocate(Family::V4));

    const WallTime until = from_unix_seconds(4'000'000'000);
    EXPECT_EQ(8U, relay.pool->revoke("test", "alice", until));

    EXPECT_EQ(1U, relay.pool->snapshot().allocations);
    for (const auto& closed : relay.closed()) EXPECT_EQ(core::CloseReason::Revoked, closed.reason);
    TestClient again{Transport::Udp, relay.listener()};
    EXPECT_FALSE(again.allocate(Family::V4));
    EXPECT_TRUE(bob.refresh(600));
    ASSERT_EQ(1U, relay.pool->revocations().size());
    EXPECT_EQ("alice", relay.pool->revocations()[0].subject);
    EXPECT_EQ(0U, relay.pool->revoke("test", "nobody", until));
}

TEST(OperationTest, NewCredentialsCountAtOnce) {
    TestRelay relay{all_transports(2)};
    std::vector<core::StaticUser> users;
    users.push_back({"carol", Secret{std::string_view{"queen"}}});
    relay.pool->set_credentials(std::make_shared<core::CredentialChain>(std::move(users), std::vector<crypto::RestSecret>{}, crypto::Capability{}));
    TestClient alice{Transport::Udp, relay.listener()}, carol{Transport::Udp, relay.listener()};
    EXPECT_FALSE(alice.allocate(Family::V4));
    carol.username = "carol";
    carol.password = "queen";
    EXPECT_TRUE(carol.allocate(Family::V4));
}

TEST(OperationTest, SnapshotsAndListingsSeeEveryWorker) {
    TestRelay relay{all_transports(4)};
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 12; ++i) {
        const auto index = static_cast<std::size_t>(i % 3);
        clients.push_back(std::make_unique<TestClient>(relay.pool->listeners()[index].transport, relay.listener(index)));
        ASSERT_TRUE(clients.back()->allocate(Family::V4));
    }
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(12U, snapshot.allocations);
    EXPECT_EQ(4U, snapshot.allocations_by_transport[static_cast<std::size_t>(Transport::Udp)]);
    EXPECT_EQ(4U, snapshot.allocations_by_transport[static_cast<std::size_t>(Transport::Tcp)]);
    EXPECT_EQ(4U, snapshot.allocations_by_transport[static_cast<std::size_t>(Transport::Tls)]);
    EXPECT_EQ(8U, snapshot.stream_sessions);
    EXPECT_EQ(4U, snapshot.tls_handshakes_ok);
    EXPECT_EQ(12U, snapshot.ports_used);
    EXPECT_EQ(4U, snapshot.heartbeats.size());
    EXPECT_EQ(12U, snapshot.counters.allocations_opened);
    EXPECT_EQ(12U, relay.pool->allocations().size());
}

TEST(OperationTest, StopUnderLoadEndsEverythingInTime) {
    auto relay = std::make_unique<TestRelay>(all_transports(4));
    std::vector<std::unique_ptr<TestClient>> clients;
    UdpEnd peer;
    std::vector<Endpoint> relayed;
    for (std::size_t i = 0; i < 12; ++i) {
        clients.push_back(std::make_unique<TestClient>(relay->pool->listeners()[i % 3].transport, relay->listener(i % 3)));
        relayed.push_back(clients.back()->allocate(Family::V4).value());
        ASSERT_TRUE(clients.back()->bind_channel(0x4000, peer.local()));
    }
    std::atomic<bool> go_on{true};
    std::atomic<int> rounds{0};
    std::thread load{[&] {
        const std::string data(100, 'x');
        UdpEnd source;
        while (go_on) {
            for (const auto& client : clients) client->send_channel(0x4000, data);
            for (const Endpoint& to : relayed) source.send(data, to);
            ++rounds;
        }
    }};
    while (rounds < 20) std::this_thread::yield();

    relay->pool->stop();
    relay->pool->stop();  // idempotent

    go_on = false;
    load.join();
    ASSERT_EQ(12U, relay->closed().size());
    for (const auto& closed : relay->closed()) EXPECT_EQ(core::CloseReason::NodeStopped, closed.reason);
    for (const Endpoint& address : relayed) {
        EXPECT_FALSE(relay->pool->relays().live(address));
        EXPECT_TRUE(open_udp(address, {})) << "closed";
    }
    EXPECT_TRUE(relay->pool->allocations().empty()) << "asking a stopped pool is harmless";
    EXPECT_FALSE(relay->pool->transfer(clients[0]->tuple(), 1));
}

TEST(OperationTest, MalformedMessagesAreCountedAndTheClientBesideThemGoesOn) {
    TestRelay relay{all_transports(1)};
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer, vandal{"127.0.0.30"};
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    const Bytes junk[] = {{0x00}, Bytes(20, 0x00), {0x40, 0x00}, {0x40, 0x00, 0xFF, 0xFF, 1}, {0x17, 1, 2, 3}, {0xFF}, {}};
    for (const Bytes& bytes : junk) vandal.send(bytes, relay.listener());
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.dropped_malformed == 4; }));
    EXPECT_FALSE(vandal.receive(0ms));
    client.send_channel(0x4000, "x");
    EXPECT_TRUE(peer.receive());
}

// ---- relay ports ----

TEST(RelayPortUseTest, PortsAreConservedAndRestAfterUse) {
    ManualClock clock;
    TestRelay::Setup setup = all_transports(2);
    setup.clock = &clock;
    setup.port_min = 52000;
    setup.port_max = 52199;
    TestRelay relay{setup};
    const std::size_t capacity = relay.pool->snapshot().ports_capacity;
    EXPECT_EQ(400U, capacity) << "two addresses";
    std::set<Endpoint> used;
    for (int i = 0; i < 20; ++i) {
        TestClient client{Transport::Udp, relay.listener()};
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed) << client.last_error();
        EXPECT_TRUE(used.insert(*relayed).second) << "a resting port is not drawn while rested ones are there";
        EXPECT_EQ(1U, relay.pool->snapshot().ports_used);
        ASSERT_EQ(0U, client.refresh(0));
        EXPECT_EQ(0U, relay.pool->snapshot().ports_used);
    }
    EXPECT_GE(relay.pool->snapshot().ports_quarantined, 20U);
    clock.advance(120s);
    EXPECT_EQ(0U, relay.pool->snapshot().ports_quarantined);
}

TEST(RelayPortUseTest, APortThatAnotherProcessHoldsIsSkippedAndAFullRangeIs508) {
    ManualClock clock;
    TestRelay::Setup setup = all_transports(1);
    setup.clock = &clock;
    // Four ports in a row, one of them held by somebody else.
    std::optional<UdpSocket> held;
    for (std::uint16_t first = 53000; !held; first = static_cast<std::uint16_t>(first + 4)) {
        ASSERT_LT(first, 60000);
        std::vector<UdpSocket> free;
        for (std::uint16_t port = first; port < first + 4; ++port) {
            if (auto socket = open_udp({IpAddress::parse("127.0.0.1").value(), port}, {})) free.push_back(std::move(*socket));
        }
        if (free.size() != 4) continue;
        held = std::move(free[2]);
        setup.port_min = first;
        setup.port_max = static_cast<std::uint16_t>(first + 3);
    }
    TestRelay relay{setup};
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<TestClient>(Transport::Udp, relay.listener()));
        const auto relayed = clients.back()->allocate(Family::V4);
        ASSERT_TRUE(relayed) << i << ' ' << clients.back()->last_error();
        EXPECT_NE(held->local.port, relayed->port);
    }
    TestClient fourth{Transport::Udp, relay.listener()};
    EXPECT_FALSE(fourth.allocate(Family::V4));
    EXPECT_EQ(508, fourth.last_error());

    // One is given back: after five seconds of rest it is good again.
    ASSERT_EQ(0U, clients[0]->refresh(0));
    TestClient early{Transport::Udp, relay.listener()};
    EXPECT_FALSE(early.allocate(Family::V4));
    EXPECT_EQ(508, early.last_error());
    clock.advance(5s);
    TestClient late{Transport::Udp, relay.listener()};
    EXPECT_TRUE(late.allocate(Family::V4)) << late.last_error();
}

// RFC 8656 §18.7.
TEST(RelayPortUseTest, AnEvenPortIsDrawnWhenAsked) {
    TestRelay relay{all_transports(1)};
    for (int i = 0; i < 8; ++i) {
        TestClient client{Transport::Udp, relay.listener()};
        const auto answer = client.request(Method::Allocate, [](stun::MessageBuilder& b) {
            const std::uint8_t alone = 0;
            b.u8(stun::Attribute::RequestedTransport, stun::kProtocolUdp).bytes(stun::Attribute::EvenPort, {&alone, 1});
        });
        ASSERT_TRUE(answer);
        const auto relayed = answer->address(stun::Attribute::XorRelayedAddress);
        ASSERT_TRUE(relayed) << answer->error();
        EXPECT_EQ(0, relayed->port % 2);
    }
}

TEST(RelayPortUseTest, BehindNatTheClientIsToldThePublicForm) {
    TestRelay::Setup setup = all_transports(1);
    setup.relay_addresses = {{IpAddress::parse("127.0.0.1").value(), IpAddress::parse("203.0.113.7").value()}};
    TestRelay relay{setup};
    TestClient alice{Transport::Udp, relay.listener()}, bob{Transport::Tcp, relay.listener(1)};
    const auto a = alice.allocate(Family::V4), b = bob.allocate(Family::V4);
    ASSERT_TRUE(a && b);
    EXPECT_EQ("203.0.113.7", a->address.to_string());
    ASSERT_TRUE(alice.bind_channel(0x4000, *b) && bob.permit(*a));

    alice.send_channel(0x4000, "hairpin");
    const auto at_bob = bob.receive();
    ASSERT_TRUE(at_bob);
    EXPECT_EQ("hairpin", at_bob->data());
    EXPECT_EQ(a, at_bob->peer()) << "nothing on the wire shows the local form";
}

// ---- descriptors run out (F17) ----

TEST(DescriptorLimitTest, WithoutDescriptorsAllocatesGet508AndAcceptPausesUntilThereAreSome) {
    TestRelay relay{all_transports(1)};
    TestClient udp{Transport::Udp, relay.listener()}, second{Transport::Udp, relay.listener()};
    ASSERT_TRUE(udp.allocate(Family::V4));
    rlimit before{};
    ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &before));
    const FileDescriptor next{::dup(0)};
    // The client's own socket still fits, what the relay opens for it does not.
    rlimit low = before;
    low.rlim_cur = static_cast<rlim_t>(next.get()) + 8;
    ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &low));

    EXPECT_FALSE(second.allocate(Family::V4));
    EXPECT_EQ(508, second.last_error());
    EXPECT_TRUE(udp.refresh(600)) << "the others go on";
    TestClient tcp{Transport::Tcp, relay.listener(1)};
    EXPECT_TRUE(tcp.connected()) << "by the kernel";
    tcp.send_raw(Bytes{0});
    const std::uint64_t sessions = relay.pool->snapshot().stream_sessions;

    ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &before));
    EXPECT_EQ(0U, sessions);
    EXPECT_TRUE(second.allocate(Family::V4));
    TestClient patient{Transport::Tcp, relay.listener(1)};
    EXPECT_TRUE(patient.request(Method::Binding)) << "accepting goes on after the pause";
}

}  // namespace
}  // namespace turnpike::net
