#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/turn_node.hpp"

// RFC 6062, assertions 109 to 116; bad input 36; threat T6 on the paths of this RFC.

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kOther = "93.184.216.35:5000";

NodeOptions tcp_relay() {
    NodeOptions options;
    options.config.relay_tcp = true;
    options.config.listeners = {{"turnpike", Transport::Tcp}};
    return options;
}

/// A client on a TCP control connection, and how it speaks RFC 6062.
struct TcpClient : TurnClient {
    explicit TcpClient(TurnNode& on, std::string_view address = "192.0.2.1:40000", Transport transport = Transport::Tcp)
        : TurnClient(on, address, transport) {}

    static void transport_tcp(stun::MessageBuilder& m) { m.u8(Attribute::RequestedTransport, stun::kProtocolTcp); }
    int allocate_tcp(const Fill& more = {}) {
        return request(Method::Allocate, [&](auto& m) {
                   transport_tcp(m);
                   if (more) more(m);
               })
            ->code();
    }
    std::optional<Answer> connect(std::string_view peer) {
        return request(Method::Connect, [&](auto& m) { m.xor_address(Attribute::XorPeerAddress, at(peer)); });
    }
    std::optional<Answer> bind_connection(std::uint32_t id) {
        return request(Method::ConnectionBind, [&](auto& m) { m.u32(Attribute::ConnectionId, id); });
    }
    /// Connect to a peer that answers: the connection's id.
    core::ConnectionId connected(std::string_view peer) {
        const std::size_t before = node.answers.size();
        connect(peer);
        EXPECT_EQ(node.answers.size(), before) << "Connect waits for the peer";
        const core::ConnectionId id = node.connects.back().id;
        node.server.connection_opened(id, {}, node.now, node.out);
        node.run();
        EXPECT_EQ(node.answers.size(), before + 1);
        EXPECT_TRUE(node.answers.back().success());
        EXPECT_EQ(stun::decode_u32(node.answers.back().view().find(Attribute::ConnectionId).value()), id.value);
        return id;
    }
};

std::uint32_t number_in(const Answer& answer) {
    return stun::decode_u32(answer.view().find(Attribute::ConnectionId).value()).value();
}

// ---- Allocate ----

TEST(TcpRelay, IsOffUnlessAskedFor) {
    TurnNode node;
    TcpClient client{node};
    EXPECT_EQ(client.allocate_tcp(), 442);
    ASSERT_TRUE(client.allocate()->success());
    for (const Method method : {Method::Connect, Method::ConnectionBind}) {
        EXPECT_EQ(client.request(method)->code(), 400) << "nobody serves it";
    }
    EXPECT_TRUE(node.connects.empty());
}

TEST(TcpRelay, IsAllocatedOverStreamsOnly) {
    for (const Transport transport : {Transport::Tcp, Transport::Tls}) {
        TurnNode node{tcp_relay()};
        TcpClient client{node, "192.0.2.1:40000", transport};
        EXPECT_EQ(client.allocate_tcp(), 0);
        ASSERT_EQ(node.asked.size(), 1U);
        EXPECT_EQ(node.asked[0].protocol, core::RelayProtocol::Tcp);
        EXPECT_EQ(node.server.list(node.now).at(0).protocol, core::RelayProtocol::Tcp);
    }
    for (const Transport transport : {Transport::Udp, Transport::Dtls}) {
        TurnNode node{tcp_relay()};
        TcpClient client{node, "192.0.2.1:40000", transport};
        EXPECT_EQ(client.allocate_tcp(), 400);
        EXPECT_TRUE(client.allocate()->success()) << "for UDP as ever";
    }
}

TEST(TcpRelay, TakesNothingThatOnlyDatagramsHave) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    EXPECT_EQ(client.allocate_tcp([](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0}); }), 400);
    EXPECT_EQ(client.allocate_tcp([](auto& m) { m.flag(Attribute::DontFragment); }), 400);
    EXPECT_EQ(client.allocate_tcp([](auto& m) { m.u64(Attribute::ReservationToken, 1); }), 400);
    EXPECT_TRUE(node.asked.empty());
    EXPECT_EQ(client.allocate_tcp(), 0);
}

// A quota is one of allocations, whatever they relay.
TEST(TcpRelay, CountsInTheQuota) {
    NodeOptions options = tcp_relay();
    options.config.allocations_per_subject = 1;
    TurnNode node{options};
    TcpClient client{node}, second{node, "192.0.2.1:40001"};
    EXPECT_EQ(client.allocate_tcp(), 0);
    EXPECT_EQ(second.allocate_tcp(), 486);
    EXPECT_EQ(client.refresh(0)->lifetime(), 0U);
    EXPECT_EQ(second.allocate_tcp(), 0);
}

// Assertion 116.
TEST(TcpRelay, HasNoChannelsAndNoSend) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    EXPECT_EQ(client.bind(0x4000, kPeer)->code(), 403);
    ASSERT_TRUE(client.permit({kPeer})->success());
    client.indicate(kPeer, "datagram");
    EXPECT_TRUE(node.datagrams.empty());
    EXPECT_FALSE(client.channel_data(0x4000));
}

// ---- Connect ----

TEST(Connect, LeadsToAPeer) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    EXPECT_EQ(node.connects.back().peer, at(kPeer));
    EXPECT_EQ(node.connects.back().relay, client.relay());
    EXPECT_TRUE(node.answers.back().has(Attribute::MessageIntegrity));
    EXPECT_EQ(node.server.list(node.now).at(0).connections, 1U);
    EXPECT_NE(id.value, client.connected(kOther).value);
}

TEST(Connect, IsRefusedWhereItCannotBe) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, udp{node, "192.0.2.1:40001"}, nobody{node, "192.0.2.1:40002"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    ASSERT_TRUE(udp.allocate()->success());
    EXPECT_EQ(client.request(Method::Connect)->code(), 400) << "no XOR-PEER-ADDRESS";
    EXPECT_EQ(client.request(Method::Connect, [](auto& m) { m.bytes(Attribute::XorPeerAddress, Bytes(5)); })->code(), 400);
    EXPECT_EQ(nobody.connect(kPeer)->code(), 437);
    EXPECT_EQ(udp.connect(kPeer)->code(), 403) << "an allocation for UDP";
    EXPECT_EQ(client.connect("[2a00:1450::1]:5000")->code(), 443);
    client.username = "bob";
    client.password = "builder";
    EXPECT_EQ(client.connect(kPeer)->code(), 441);
    EXPECT_TRUE(node.connects.empty());
}

// T6: the policy is asked on this path too, address and port.
TEST(Connect, AsksThePeerPolicy) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    for (const std::string_view denied : {"127.0.0.1:5000", "169.254.169.254:443", "10.1.2.3:5000", "93.184.216.34:22",
                                          "203.0.113.7:49999" /* ours, and nobody there */}) {
        EXPECT_EQ(client.connect(denied)->code(), 403) << denied;
    }
    EXPECT_EQ(client.connect("93.184.216.34:0")->code(), 400);
    EXPECT_TRUE(node.connects.empty());
}

// Two clients of one node: where the connection really goes is the local form, and only a relayed address for TCP is there.
TEST(Connect, ReachesRelayedAddressesOfThisNode) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, second{node, "192.0.2.2:40000"}, udp{node, "192.0.2.3:40000"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    ASSERT_EQ(second.allocate_tcp(), 0);
    const Endpoint relayed = node.begun_allocations.back().relayed;
    ASSERT_TRUE(udp.allocate()->success());
    const Endpoint datagrams = node.begun_allocations.back().relayed;

    client.connect(relayed.to_string());
    ASSERT_EQ(node.connects.size(), 1U);
    EXPECT_EQ(node.connects[0].peer, (Endpoint{ip("10.0.0.5"), relayed.port}));
    EXPECT_EQ(client.connect(datagrams.to_string())->code(), 403);

    ASSERT_TRUE(udp.permit({"203.0.113.7:1"})->success());
    udp.indicate(relayed.to_string(), "datagram");
    EXPECT_TRUE(node.datagrams.empty()) << "nor does a datagram reach one for TCP";
}

// Assertion 111.
TEST(Connect, IsRefusedWhileTheSamePeerIsConnectedOrPending) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    EXPECT_FALSE(client.connect(kPeer));
    EXPECT_EQ(client.connect(kPeer)->code(), 446) << "connecting";
    const core::ConnectionId id = node.connects.back().id;
    node.server.connection_opened(id, {}, node.now, node.out);
    node.run();
    EXPECT_EQ(client.connect(kPeer)->code(), 446) << "waiting for its data connection";
    ASSERT_TRUE(data.bind_connection(id.value)->success());
    EXPECT_EQ(client.connect(kPeer)->code(), 446) << "active";
    node.server.connection_closed(id);
    EXPECT_NE(client.connected(kPeer).value, id.value) << "free again";
    EXPECT_EQ(node.connects.size(), 2U);
}

TEST(Connect, SaysWhenThePeerRefuses) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    for (const auto& [error, code] : {std::pair{core::ConnectError::Failed, 447},
                                      std::pair{core::ConnectError::NoDescriptors, 508}}) {
        EXPECT_FALSE(client.connect(kPeer));
        node.server.connection_opened(node.connects.back().id, std::unexpected{error}, node.now, node.out);
        node.run();
        EXPECT_EQ(node.answers.back().code(), code);
        EXPECT_TRUE(node.answers.back().has(Attribute::MessageIntegrity));
    }
    EXPECT_TRUE(node.closed_connections.empty()) << "the driver has none";
    client.connected(kPeer);
}

TEST(Connect, GivesUpAfterThirtySeconds) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    EXPECT_FALSE(client.connect(kPeer));
    const core::ConnectionId id = node.connects.back().id;
    const std::size_t before = node.answers.size();
    node.advance(29s + 900ms);
    EXPECT_EQ(node.answers.size(), before);
    node.advance(300ms);
    ASSERT_EQ(node.answers.size(), before + 1);
    EXPECT_EQ(node.answers.back().code(), 447);
    EXPECT_EQ(node.closed_connections, std::vector{id});
    node.server.connection_opened(id, {}, node.now, node.out);
    node.run();
    EXPECT_EQ(node.answers.size(), before + 1) << "too late";
}

TEST(Connect, IsBoundedInNumber) {
    NodeOptions options = tcp_relay();
    options.config.connections_max = 2;
    TurnNode node{options};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    client.connected(kPeer);
    const core::ConnectionId id = client.connected(kOther);
    EXPECT_EQ(client.connect("8.8.8.8:443")->code(), 508);
    ASSERT_TRUE(client.permit({"8.8.8.8:1"})->success());
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at("8.8.8.8:6000"), node.now, node.out));
    node.server.connection_closed(id);
    client.connected("8.8.8.8:443");
}

// T11: what bounds the addresses that a datagram may reach bounds Connect too.
TEST(Connect, IsHeldToNewPeersPerSecond) {
    NodeOptions options = tcp_relay();
    options.config.new_peers_per_second = 1;
    options.config.new_peers_burst = 2;
    TurnNode node{options};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    ASSERT_TRUE(client.permit({kPeer})->success());
    client.connected(kPeer);  // permitted: no new one
    client.connected(kOther);
    EXPECT_EQ(client.connect("8.8.8.8:443")->code(), 508);
    node.pass(1s);
    client.connected("8.8.8.8:443");
}

// ---- ConnectionAttempt ----

// Assertion 114.
TEST(ConnectionAttempt, TellsTheClientOfAPermittedPeer) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at(kPeer), node.now, node.out)) << "no permission";
    node.run();
    ASSERT_TRUE(client.permit({kPeer})->success());
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at(kOther), node.now, node.out)) << "of another address";

    const auto id = node.server.peer_connected(client.relay(), at("93.184.216.34:6000"), node.now, node.out);
    node.run();
    ASSERT_TRUE(id);
    const Answer& attempt = node.answers.back();
    EXPECT_EQ(attempt.path.tuple, client.path.tuple) << "over the control connection";
    EXPECT_EQ(attempt.view().message_class(), Class::Indication);
    EXPECT_EQ(attempt.view().method(), Method::ConnectionAttempt);
    EXPECT_EQ(attempt.address(Attribute::XorPeerAddress), at("93.184.216.34:6000")) << "any port of it";
    EXPECT_EQ(number_in(attempt), id->value);
    EXPECT_TRUE(data.bind_connection(id->value)->success());
}

TEST(ConnectionAttempt, EndsWithThePermission) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    ASSERT_TRUE(client.permit({kPeer})->success());
    node.pass(299s);
    EXPECT_TRUE(node.server.peer_connected(client.relay(), at(kPeer), node.now, node.out));
    node.run();
    node.pass(1s);
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at(kOther), node.now, node.out));
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at("93.184.216.34:7000"), node.now, node.out));
}

TEST(ConnectionAttempt, IsNotForRelayedAddressesForUdp) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.permit({kPeer})->success());
    EXPECT_FALSE(node.server.peer_connected(client.relay(), at(kPeer), node.now, node.out));
    EXPECT_FALSE(node.server.peer_connected({}, at(kPeer), node.now, node.out));
}

// A peer that is a relayed address of this node is known by its public form.
TEST(ConnectionAttempt, ShowsThePublicFormOfOurOwnPeers) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    ASSERT_TRUE(client.permit({"203.0.113.7:1"})->success());
    ASSERT_TRUE(node.server.peer_connected(client.relay(), at("10.0.0.5:50001"), node.now, node.out));
    node.run();
    EXPECT_EQ(node.answers.back().address(Attribute::XorPeerAddress), at("203.0.113.7:50001"));
}

// ---- ConnectionBind ----

TEST(ConnectionBind, BindsADataConnectionOnce) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009", Transport::Tls}, again{node, "192.0.2.1:40010"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    const auto answer = data.bind_connection(id.value);
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(answer->has(Attribute::MessageIntegrity));
    ASSERT_EQ(node.bound_connections.size(), 1U);
    EXPECT_EQ(node.bound_connections[0].id, id);
    EXPECT_EQ(node.bound_connections[0].data.tuple, data.path.tuple);
    EXPECT_EQ(again.bind_connection(id.value)->code(), 400) << "used twice";
    EXPECT_EQ(node.bound_connections.size(), 1U);
}

// Bad input 36, assertion 113.
TEST(ConnectionBind, IsRefusedWhereItCannotBe) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009"}, udp{node, "192.0.2.1:40010", Transport::Udp};
    ASSERT_EQ(client.allocate_tcp(), 0);
    EXPECT_FALSE(client.connect(kPeer));
    const core::ConnectionId id = node.connects.back().id;
    EXPECT_EQ(data.bind_connection(id.value)->code(), 400) << "the peer has not answered";
    node.server.connection_opened(id, {}, node.now, node.out);
    node.run();

    EXPECT_EQ(udp.bind_connection(id.value)->code(), 400) << "over UDP";
    EXPECT_EQ(client.bind_connection(id.value)->code(), 400) << "on the control connection";
    EXPECT_EQ(data.bind_connection(id.value + 1)->code(), 400) << "unknown id";
    EXPECT_EQ(data.request(Method::ConnectionBind)->code(), 400) << "no id";
    EXPECT_EQ(data.request(Method::ConnectionBind, [](auto& m) { m.bytes(Attribute::ConnectionId, Bytes(3)); })->code(), 400);
    TcpClient other{node, "192.0.2.1:40011"};
    other.username = "bob";
    other.password = "builder";
    EXPECT_EQ(other.bind_connection(id.value)->code(), 400) << "another user";
    TcpClient wrong{node, "192.0.2.1:40012"};
    wrong.password = "wrong";
    EXPECT_EQ(wrong.bind_connection(id.value)->code(), 401);
    EXPECT_EQ(wrong.send(wrong.plain(Method::ConnectionBind, [&](auto& m) { m.u32(Attribute::ConnectionId, id.value); }))->code(),
              401);
    EXPECT_TRUE(node.bound_connections.empty());
    EXPECT_TRUE(data.bind_connection(id.value)->success()) << "none of that used it up";
}

TEST(ConnectionBind, MustComeWithinThirtySeconds) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009"}, late{node, "192.0.2.1:40010"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId in_time = client.connected(kPeer), unbound = client.connected(kOther);
    node.advance(29s + 900ms);
    EXPECT_TRUE(data.bind_connection(in_time.value)->success());
    EXPECT_TRUE(node.closed_connections.empty());
    node.advance(300ms);
    EXPECT_EQ(node.closed_connections, std::vector{unbound});
    EXPECT_EQ(late.bind_connection(unbound.value)->code(), 400);
    node.advance(300s);
    EXPECT_EQ(node.closed_connections.size(), 1U) << "a bound one has no such time";
}

// A secret that is gone proves what was made with it, as on the control connection.
TEST(ConnectionBind, ProvesItselfByTheAllocationsOwnCredential) {
    TurnNode node{tcp_relay()};
    TcpClient client{node}, data{node, "192.0.2.1:40009"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    node.options.users.clear();
    node.server.set_credentials(node.chain());
    EXPECT_TRUE(data.bind_connection(id.value)->success());
}

// ---- workers ----

TEST(ConnectionBind, IsPassedToTheWorkerThatHasThePeer) {
    NodeOptions options = tcp_relay();
    options.config.workers = 3;
    options.config.worker = 1;
    TurnNode owner{options};
    options.config.worker = 2;
    options.seed = 2;
    TurnNode other{options, owner.shared};
    TcpClient client{owner}, data{other, "192.0.2.1:40009"};
    ASSERT_EQ(client.allocate_tcp(), 0);
    for (int i = 0; i < 20; ++i) {
        const core::ConnectionId id = client.connected(kPeer);
        EXPECT_EQ(core::worker_of(id, 3), 1U);
        owner.server.connection_closed(id);
    }
    const core::ConnectionId id = client.connected(kPeer);

    EXPECT_FALSE(data.bind_connection(id.value)) << "challenged here, answered there";
    ASSERT_EQ(other.passed_on.size(), 1U);
    EXPECT_EQ(other.passed_on[0].first.worker, 1U);
    EXPECT_EQ(other.passed_on[0].first.path.tuple, data.path.tuple);
    owner.receive(data.path, other.passed_on[0].second);
    ASSERT_EQ(owner.bound_connections.size(), 1U);
    EXPECT_EQ(owner.bound_connections[0].data.tuple, data.path.tuple);
    EXPECT_TRUE(owner.answers.back().success());

    TcpClient udp{other, "192.0.2.1:40010", Transport::Udp};
    EXPECT_EQ(udp.bind_connection(id.value)->code(), 400) << "a datagram is no connection to pass on";
}

// ---- ends ----

TEST(TcpRelay, ClosesItsConnectionsWithTheAllocation) {
    const std::function<void(TurnNode&, TcpClient&)> ends[] = {
        [](TurnNode&, TcpClient& client) { client.refresh(0); },
        [](TurnNode& node, TcpClient&) { node.advance(700s); },
        [](TurnNode& node, TcpClient& client) {
            node.server.client_gone(client.path.tuple, node.now, node.out);
            node.run();
        },
        [](TurnNode& node, TcpClient&) {
            node.server.kill_subject("turnpike", "alice", CloseReason::Revoked, node.now, node.out);
            node.run();
        },
    };
    for (const auto& end : ends) {
        TurnNode node{tcp_relay()};
        TcpClient client{node}, data{node, "192.0.2.1:40009"};
        ASSERT_EQ(client.allocate_tcp(), 0);
        ASSERT_TRUE(client.permit({kPeer})->success());
        const core::ConnectionId bound = client.connected(kPeer);
        ASSERT_TRUE(data.bind_connection(bound.value)->success());
        client.connect(kOther);
        const core::ConnectionId connecting = node.connects.back().id;
        const auto attempt = node.server.peer_connected(client.relay(), at("93.184.216.34:6000"), node.now, node.out);
        ASSERT_TRUE(attempt);
        node.run();

        end(node, client);
        EXPECT_EQ(node.server.allocations(), 0U);
        std::vector<core::ConnectionId> closed = node.closed_connections, expected{bound, connecting, *attempt};
        std::ranges::sort(closed);
        std::ranges::sort(expected);
        EXPECT_EQ(closed, expected);
        EXPECT_EQ(node.closed_relays.size(), 1U);
        EXPECT_FALSE(node.server.next_deadline(node.now)) << "no timer is left";
        EXPECT_EQ(node.server.relayable(bound, 100, node.now), 0U);
    }
}

TEST(TcpRelay, ClosesWhatANewPolicyDenies) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId denied = client.connected(kPeer);
    client.connected(kOther);
    core::PeerPolicy::Rules rules;
    rules.deny = {cidr("93.184.216.34/32")};
    node.server.set_policy(node.policy(rules), node.out);
    node.run();
    EXPECT_EQ(node.closed_connections, std::vector{denied});
}

TEST(TcpRelay, ClosesAFamilysConnectionsWithIt) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); }), 0);
    const core::ConnectionId six = client.connected("[2a00:1450::1]:5000");
    client.connected(kPeer);
    client.request(Method::Refresh, [](auto& m) {
        m.u32(Attribute::Lifetime, 0).u8(Attribute::RequestedAddressFamily, 2);
    });
    EXPECT_EQ(node.closed_connections, std::vector{six});
}

// ---- bytes ----

TEST(TcpRelay, CountsBytesAndHoldsThemToTheBandwidth) {
    NodeOptions options = tcp_relay();
    options.config.bandwidth_kbit_s = 64;  // 8,000 bytes a second, 16 KiB at once
    TurnNode node{options};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    EXPECT_EQ(node.server.relayable(id, 1000, node.now), 1000U);
    EXPECT_EQ(node.server.relayable(id, 100'000, node.now), 16'384U);
    node.server.relayed(id, core::Direction::ToPeer, 10'000, node.now);
    node.server.relayed(id, core::Direction::ToClient, 6'384, node.now);
    EXPECT_EQ(node.server.relayable(id, 100'000, node.now), 0U);
    node.pass(1s);
    EXPECT_EQ(node.server.relayable(id, 100'000, node.now), 8'000U);

    client.refresh(0);
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    const core::Traffic& traffic = node.ended_allocations[0].traffic;
    EXPECT_EQ(traffic.bytes_to_peer, 10'000U);
    EXPECT_EQ(traffic.bytes_to_client, 6'384U);
    EXPECT_EQ(node.server.counters().traffic.bytes_to_peer, 10'000U);
}

TEST(TcpRelay, HoldsReadsToThePacketRate) {
    NodeOptions options = tcp_relay();
    options.config.packets_per_second = 10;
    TurnNode node{options};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    int reads = 0;
    for (; node.server.relayable(id, 1000, node.now) > 0; ++reads) {
        ASSERT_LT(reads, 1000);
        node.server.relayed(id, core::Direction::ToPeer, 1000, node.now);
    }
    EXPECT_GT(reads, 0);
    node.pass(100ms);
    EXPECT_EQ(node.server.relayable(id, 1000, node.now), 1000U);
}

TEST(TcpRelay, RelaysNothingPastItsTime) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    EXPECT_EQ(node.server.relayable(id, 1000, node.now), 1000U);
    node.pass(600s);
    EXPECT_EQ(node.server.relayable(id, 1000, node.now), 0U);
}

// ---- moving ----

TEST(TcpRelay, MovesWithoutConnectionsAndStaysWithThem) {
    NodeOptions options = tcp_relay();
    options.config.workers = 2;
    TurnNode node{options};
    options.config.worker = 1;
    TurnNode next{options, node.shared};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const core::ConnectionId id = client.connected(kPeer);
    EXPECT_FALSE(node.server.release(client.path.tuple, node.now));
    node.server.connection_closed(id);
    const auto released = node.server.release(client.path.tuple, node.now);
    ASSERT_TRUE(released);
    const auto decoded = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->protocol, core::RelayProtocol::Tcp);
    ASSERT_TRUE(next.server.adopt(*decoded, client.path, next.now));
    EXPECT_EQ(next.server.list(next.now).at(0).protocol, core::RelayProtocol::Tcp);
}

TEST(TcpRelay, IsRestoredAsOne) {
    TurnNode node{tcp_relay()};
    TcpClient client{node};
    ASSERT_EQ(client.allocate_tcp(), 0);
    const auto record = node.server.record(client.path.tuple, node.now);
    TurnNode next{tcp_relay()};
    ASSERT_TRUE(next.server.restore(*record, client.path, next.now, next.out));
    next.run();
    ASSERT_EQ(next.asked.size(), 1U);
    EXPECT_EQ(next.asked[0].protocol, core::RelayProtocol::Tcp);
    EXPECT_TRUE(next.asked[0].exact);

    TurnNode off;
    EXPECT_FALSE(off.server.restore(*record, client.path, off.now, off.out)) << "what a record claims ends at the configuration";
    TurnNode datagrams{tcp_relay()};
    core::Path path = client.path;
    path.tuple.transport = Transport::Udp;
    EXPECT_FALSE(datagrams.server.restore(*record, path, datagrams.now, datagrams.out));
}

// Nobody can guess an id: they are spread over what the workers leave.
TEST(ConnectionIds, AreSpreadAndNameTheirWorker) {
    ScriptedRandom random;
    for (const unsigned workers : {1U, 2U, 3U, 4U, 256U}) {
        std::uint32_t high = 0;
        for (int i = 0; i < 1000; ++i) {
            const core::ConnectionId id = core::draw_connection_id(random, workers - 1, workers);
            EXPECT_EQ(core::worker_of(id, workers), workers - 1);
            high += id.value >> 31;
        }
        EXPECT_GT(high, 400U);
        EXPECT_LT(high, 600U);
    }
}

}  // namespace
}  // namespace turnpike::test
