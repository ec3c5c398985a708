#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000";

class Ending : public ::testing::Test {
protected:
    Ending() {
        for (TurnClient* client : {&udp, &tcp, &bob}) EXPECT_TRUE(client->allocate()->success());
        EXPECT_TRUE(udp.bind(0x4000, kPeer)->success());
        EXPECT_TRUE(udp.channel_data(0x4000, "12345"));
        node.pass(10s);
    }
    static TurnClient as_bob(TurnNode& node) {
        TurnClient client{node, "192.0.2.3:3"};
        client.username = "bob";
        client.password = "builder";
        return client;
    }
    std::vector<CloseReason> reasons() const {
        std::vector<CloseReason> all;
        for (const auto& ended : node.ended_allocations) all.push_back(ended.reason);
        return all;
    }

    TurnNode node;
    TurnClient udp{node, "192.0.2.1:1"}, tcp{node, "192.0.2.2:2", Transport::Tcp}, bob = as_bob(node);
};

// One usage record per allocation, with what it moved.
TEST_F(Ending, WritesAUsageRecord) {
    ASSERT_TRUE(udp.refresh(0)->success());
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    const core::AllocationClosed& usage = node.ended_allocations[0];
    EXPECT_EQ(usage.id, node.begun_allocations[0].id);
    EXPECT_EQ(usage.tuple, udp.path.tuple);
    EXPECT_EQ(usage.relayed, node.begun_allocations[0].relayed);
    EXPECT_EQ(usage.username, "alice");
    EXPECT_EQ(usage.subject, "alice");
    EXPECT_EQ(usage.realm, "turnpike");
    EXPECT_EQ(usage.reason, CloseReason::Refreshed0);
    EXPECT_EQ(usage.duration, 10s);
    EXPECT_EQ(usage.traffic.bytes_to_peer, 5U);
    EXPECT_EQ(usage.traffic.packets_to_peer, 1U);
    EXPECT_EQ(node.server.counters().allocations_closed[0], 1U);
}

// RFC 8656 §7.2, assertion 74: an allocation ends with its connection.
TEST_F(Ending, FollowsTheConnection) {
    node.server.client_gone(tcp.path.tuple, node.now, node.out);
    node.run();
    EXPECT_EQ(reasons(), std::vector{CloseReason::ClientGone});
    EXPECT_EQ(node.closed_relays.size(), 1U);
    EXPECT_TRUE(node.closed_clients.empty());  // it is gone
    node.server.client_gone(tcp.path.tuple, node.now, node.out);
    node.run();
    EXPECT_EQ(node.ended_allocations.size(), 1U);
    EXPECT_EQ(node.server.allocations(), 2U);
    EXPECT_FALSE(node.server.knows(tcp.path.tuple));
}

TEST_F(Ending, KillsById) {
    const core::AllocationId id = node.begun_allocations[1].id;
    EXPECT_EQ(node.server.kill(id, CloseReason::Killed, node.now, node.out), 1U);
    node.run();
    EXPECT_EQ(reasons(), std::vector{CloseReason::Killed});
    ASSERT_EQ(node.closed_clients.size(), 1U);  // a stream client's connection goes as well
    EXPECT_EQ(node.closed_clients[0].tuple, tcp.path.tuple);
    EXPECT_EQ(node.closed_clients[0].link, tcp.path.link);
    EXPECT_EQ(node.server.kill(id, CloseReason::Killed, node.now, node.out), 0U);
    EXPECT_EQ(node.server.kill(core::AllocationId{999}, CloseReason::Killed, node.now, node.out), 0U);
    EXPECT_TRUE(udp.refresh()->success());
    EXPECT_EQ(tcp.refresh()->code(), 437);
}

// What `participants kick` comes to: the relaying stops at once, on every worker.
TEST_F(Ending, KillsBySubject) {
    const core::RelayId relay = udp.relay();
    EXPECT_EQ(node.server.kill_subject("turnpike", "alice", CloseReason::Revoked, node.now, node.out), 2U);
    node.run();
    EXPECT_EQ(reasons(), (std::vector{CloseReason::Revoked, CloseReason::Revoked}));
    EXPECT_EQ(node.closed_clients.size(), 1U);
    EXPECT_FALSE(udp.channel_data(0x4000));
    EXPECT_FALSE(node.server.to_client(relay, at(kPeer), 1, node.now));
    EXPECT_EQ(node.server.kill_subject("other.example", "bob", CloseReason::Revoked, node.now, node.out), 0U);
    EXPECT_TRUE(bob.refresh()->success());
    EXPECT_EQ(node.shared->quota.of("turnpike", "alice"), 0U);
}

TEST_F(Ending, KillsWhatIsStillPending) {
    node.opens = false;
    TurnClient late{node, "192.0.2.4:4", Transport::Tcp};
    late.allocate();
    EXPECT_EQ(node.server.kill_subject("turnpike", "alice", CloseReason::Revoked, node.now, node.out), 3U);
    node.run();
    EXPECT_FALSE(node.server.knows(late.path.tuple));
    EXPECT_EQ(node.closed_clients.size(), 2U);
    EXPECT_EQ(node.ended_allocations.size(), 2U);  // one never was
    node.opened(node.asked.back());
    node.run();
    EXPECT_EQ(node.sockets.size(), 1U);  // bob's
}

TEST_F(Ending, EndsAllWhenTheNodeStops) {
    EXPECT_EQ(node.server.kill_all(CloseReason::NodeStopped, node.now, node.out), 3U);
    node.run();
    EXPECT_EQ(reasons(), std::vector(3, CloseReason::NodeStopped));
    EXPECT_TRUE(node.sockets.empty());
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_EQ(node.shared->quota.total(), 0U);
    EXPECT_FALSE(node.server.next_deadline(node.now));
    EXPECT_TRUE(node.server.list(node.now).empty());
}

// Ends are never dropped, however many there are in one turn.
TEST(EndingMany, LosesNoRelay) {
    NodeOptions options;
    options.config.allocations_per_subject = 0;
    options.config.unauthenticated_per_second = options.config.unauthenticated_network_per_second = 0;
    TurnNode node{options};
    constexpr std::uint16_t kMany = 3000;
    for (std::uint16_t i = 1; i <= kMany; ++i) {
        TurnClient client{node, Endpoint{ip("192.0.2.1"), i}.to_string()};
        ASSERT_TRUE(client.allocate()->success());
    }
    EXPECT_EQ(node.server.kill_all(CloseReason::NodeStopped, node.now, node.out), kMany);
    EXPECT_GT(node.out.actions().size(), core::Outbox::kActionsMax);
    node.run();
    EXPECT_EQ(node.ended_allocations.size(), kMany);
    EXPECT_TRUE(node.sockets.empty());
    EXPECT_EQ(node.shared->quota.total(), 0U);
}

TEST_F(Ending, ListsWhatIsThere) {
    const auto listed = node.server.list(node.now);
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_EQ(listed[0].tuple, udp.path.tuple);
    EXPECT_EQ(listed[0].relayed, std::vector{node.begun_allocations[0].relayed});
    EXPECT_EQ(listed[0].age, 10s);
    EXPECT_EQ(listed[0].left, 590s);
    ASSERT_EQ(listed[0].permissions.size(), 1U);
    EXPECT_EQ(listed[0].permissions[0].left, 290s);
    ASSERT_EQ(listed[0].channels.size(), 1U);
    EXPECT_EQ(listed[0].channels[0].number, 0x4000);
    EXPECT_EQ(listed[0].channels[0].peer, at(kPeer));
    EXPECT_EQ(listed[2].username, "bob");
    EXPECT_EQ(to_string(CloseReason::ClientGone), "client_gone");
}

}  // namespace
}  // namespace turnpike::test
