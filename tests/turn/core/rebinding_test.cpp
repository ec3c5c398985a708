#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000";

// relay.nat_rebinding: a client whose NAT gives it another port, seen by the same or by another worker.
class Rebinding : public ::testing::TestWithParam<bool> {
protected:
    Rebinding() {
        options.config.nat_rebinding = true;
        shared = std::make_shared<SharedState>(options);
        first = std::make_unique<TurnNode>(options, shared);
        options.seed = 2;
        second = std::make_unique<TurnNode>(options, shared);
        before.emplace(*first, "192.0.2.1:1000");
        EXPECT_TRUE(before->allocate()->success());
        EXPECT_TRUE(before->bind(0x4000, kPeer)->success());
    }
    /// The same client behind another port: it knows of nothing.
    std::unique_ptr<TurnClient> behind(std::string_view address) {
        auto client = std::make_unique<TurnClient>(GetParam() ? *second : *first, address);
        client->nonce = before->nonce;
        client->realm = before->realm;
        client->skip_transactions(1000 + address.size());
        return client;
    }
    std::optional<Answer> refresh_as_is(TurnClient& client) { return client.send(client.signed_request(Method::Refresh)); }
    std::size_t allocations() { return first->server.allocations() + second->server.allocations(); }

    NodeOptions options;
    std::shared_ptr<SharedState> shared;
    std::unique_ptr<TurnNode> first, second;
    std::optional<TurnClient> before;
};

INSTANTIATE_TEST_SUITE_P(SameOrOtherWorker, Rebinding, ::testing::Bool());

TEST_P(Rebinding, ARequestWithTheAllocationsNonceTakesItOver) {
    const auto client = behind("192.0.2.1:2000");
    const auto answer = refresh_as_is(*client);
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client->key()));
    EXPECT_EQ(answer->path.tuple, client->path.tuple);
    EXPECT_EQ(client->from_peer(kPeer)->path->tuple, client->path.tuple);
    EXPECT_TRUE(client->channel_data(0x4000));
    ASSERT_EQ(client->node.moved_clients.size(), 1U);
    EXPECT_EQ(allocations(), 1U);
    EXPECT_FALSE(client->node.server.knows(before->path.tuple));
    // It goes on with the nonce that it has, and behind a third port.
    EXPECT_TRUE(refresh_as_is(*client)->success());
    EXPECT_TRUE(client->send(client->signed_request(Method::CreatePermission, [](auto& m) {
        m.xor_address(Attribute::XorPeerAddress, at("8.8.8.8:1"));
    }))->success());
    const auto third = behind("192.0.2.1:3000");
    EXPECT_TRUE(refresh_as_is(*third)->success());
    EXPECT_EQ(refresh_as_is(*third)->code(), 0);
    ASSERT_TRUE(third->refresh(0)->success());
    EXPECT_EQ(shared->quota.total(), 0U);
    EXPECT_EQ(shared->nonces.size(), 0U);
}

// Assertion 32 and T23 hold for everybody else.
TEST_P(Rebinding, NobodyElseTakesAnything) {
    const auto code_of = [&](std::string_view address, auto&& change) {
        const auto client = behind(address);
        change(*client);
        return refresh_as_is(*client)->code();
    };
    EXPECT_EQ(code_of("192.0.2.2:1000", [](TurnClient&) {}), 438) << "another address";
    EXPECT_EQ(code_of("192.0.2.1:2000", [](TurnClient& c) { c.password = "guess"; }), 438) << "another key";
    EXPECT_EQ(code_of("192.0.2.1:2000", [](TurnClient& c) { c.username = "bob", c.password = "builder"; }), 438) << "another user";
    EXPECT_EQ(code_of("192.0.2.1:2000", [](TurnClient& c) { c.nonce[3] = c.nonce[3] == 'A' ? 'B' : 'A'; }), 438) << "another nonce";
    const auto second_allocation = behind("192.0.2.1:2001");
    EXPECT_EQ(second_allocation->send(second_allocation->signed_request(Method::Allocate, TurnClient::transport_udp))->code(), 438)
        << "an Allocate is a new allocation, never a takeover";
    EXPECT_TRUE(refresh_as_is(*before)->success());
    EXPECT_TRUE(first->moved_clients.empty() && second->moved_clients.empty());
}

TEST(RebindingOff, TakesNothingOver) {
    TurnNode node;
    TurnClient before{node, "192.0.2.1:1000"}, after{node, "192.0.2.1:2000"};
    ASSERT_TRUE(before.allocate()->success());
    after.nonce = before.nonce;
    EXPECT_EQ(after.send(after.signed_request(Method::Refresh))->code(), 438);
    EXPECT_EQ(after.refresh()->code(), 437);
    EXPECT_EQ(node.shared->nonces.size(), 0U);
}

// Only the last accepted one is the allocation's.
TEST_P(Rebinding, AnEarlierNonceIsNobodys) {
    const std::string old = before->nonce;
    first->pass(600s - 1s);
    second->pass(600s - 1s);
    ASSERT_TRUE(before->refresh()->success());
    first->pass(1s);
    second->pass(1s);
    ASSERT_TRUE(before->refresh()->success());  // 438, a new nonce
    ASSERT_NE(before->nonce, old);
    const auto client = behind("192.0.2.1:2000");
    client->nonce = old;
    EXPECT_EQ(refresh_as_is(*client)->code(), 438);
    EXPECT_EQ(allocations(), 1U);
    EXPECT_TRUE(first->moved_clients.empty() && second->moved_clients.empty());
}

// A stale nonce: the one sent with the 438 becomes the allocation's, whether its answer comes from there or not.
TEST_P(Rebinding, TheNonceOfTheStaleAnswerBecomesTheAllocations) {
    first->pass(599s);
    second->pass(599s);
    ASSERT_TRUE(before->refresh()->success());
    first->pass(2s);
    second->pass(2s);
    const auto client = behind("192.0.2.1:2000");
    const Bytes request = client->signed_request(Method::Refresh);
    const auto stale = client->send(request);
    ASSERT_EQ(stale->code(), 438);
    EXPECT_EQ(client->send(request)->bytes, stale->bytes) << "a retransmission";
    EXPECT_FALSE(client->node.server.client_moving(client->path.tuple));
    client->learn(stale);
    const auto again = behind("192.0.2.1:2100");  // and the NAT changed once more
    again->nonce = client->nonce;
    EXPECT_TRUE(refresh_as_is(*again)->success());
    EXPECT_TRUE(again->node.server.knows(again->path.tuple));
    EXPECT_FALSE(again->node.server.knows(before->path.tuple));
}

TEST_P(Rebinding, AlsoWhenTheStaleOneCameFromTheOldPort) {
    first->pass(599s);
    second->pass(599s);
    ASSERT_TRUE(before->refresh()->success());
    first->pass(2s);
    second->pass(2s);
    const auto stale = refresh_as_is(*before);
    ASSERT_EQ(stale->code(), 438);
    before->learn(stale);
    const auto client = behind("192.0.2.1:2000");
    EXPECT_TRUE(refresh_as_is(*client)->success());
}

TEST_P(Rebinding, ARevokedSubjectTakesNothing) {
    shared->revocations.revoke("turnpike", "alice", first->wall + 1h);
    const auto client = behind("192.0.2.1:2000");
    EXPECT_NE(refresh_as_is(*client)->code(), 0);
    EXPECT_TRUE(client->node.moved_clients.empty());
}

TEST_P(Rebinding, AKnownFiveTupleKeepsItsOwn) {
    const auto client = behind("192.0.2.1:2000");
    const std::string stolen = client->nonce;
    client->nonce.clear();
    ASSERT_TRUE(client->allocate()->success());
    client->nonce = stolen;
    EXPECT_EQ(refresh_as_is(*client)->code(), 438);
    EXPECT_EQ(allocations(), 2U);
}

TEST_P(Rebinding, KeepsTheNonceInTheRecord) {
    const auto record = core::AllocationRecord::decode(first->server.record(before->path.tuple, first->now)->encode());
    TurnNode restarted{options};
    ASSERT_TRUE(restarted.server.restore(*record, before->path, restarted.now, restarted.out));
    restarted.run();
    TurnClient client{restarted, "192.0.2.1:2000"};
    client.nonce = before->nonce;
    EXPECT_TRUE(client.send(client.signed_request(Method::Refresh))->success());
}

// One NAT, two clients: each has its own nonce.
TEST_P(Rebinding, TellsClientsBehindOneNatApart) {
    TurnClient neighbour{*first, "192.0.2.1:1001"};
    ASSERT_TRUE(neighbour.allocate()->success());
    const auto client = behind("192.0.2.1:2000");
    EXPECT_TRUE(refresh_as_is(*client)->success());
    EXPECT_EQ(client->node.moved_clients.at(0).from, before->path.tuple);
    EXPECT_TRUE(neighbour.refresh()->success());
}

}  // namespace
}  // namespace turnpike::test
