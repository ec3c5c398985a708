#include <gtest/gtest.h>

#include <cctype>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000";

const Fill kWantsTicket = [](auto& m) { m.flag(Attribute::MobilityTicket); };

Fill showing(ByteView ticket, std::optional<std::uint32_t> lifetime = {}) {
    return [=](auto& m) {
        m.bytes(Attribute::MobilityTicket, ticket);
        if (lifetime) m.u32(Attribute::Lifetime, *lifetime);
    };
}
Bytes ticket_of(const std::optional<Answer>& answer) {
    const ByteView ticket = answer.value().view().find(Attribute::MobilityTicket).value();
    return {ticket.begin(), ticket.end()};
}

// A client with an allocation on the first worker, and the address it goes to: its home is the second one.
class Mobility : public ::testing::TestWithParam<bool> {
protected:
    Mobility() {
        options.config.mobility = true;
        shared = std::make_shared<SharedState>(options);
        first = std::make_unique<TurnNode>(options, shared);
        options.seed = 2;
        second = std::make_unique<TurnNode>(options, shared);
        before.emplace(*first, "192.0.2.1:1000");
        after.emplace(GetParam() ? *second : *first, "198.51.100.1:2000");
        answer = before->allocate(kWantsTicket);
        EXPECT_TRUE(answer->success());
        ticket = ticket_of(answer);
        EXPECT_TRUE(before->bind(0x4000, kPeer)->success());
    }
    TurnNode& there() { return after->node; }
    /// Whether the peer's data goes to that client now.
    bool hears(TurnClient& client) {
        const auto to = there().server.to_client(after->relay(), at(kPeer), 4, there().now);
        return to && to->path->tuple == client.path.tuple;
    }
    std::optional<Answer> show(ByteView of, std::optional<std::uint32_t> lifetime = {}) {
        return after->request(Method::Refresh, showing(of, lifetime));
    }

    NodeOptions options;
    std::shared_ptr<SharedState> shared;
    std::unique_ptr<TurnNode> first, second;
    std::optional<TurnClient> before, after;
    std::optional<Answer> answer;
    Bytes ticket;
};

INSTANTIATE_TEST_SUITE_P(SameOrOtherWorker, Mobility, ::testing::Bool());

// RFC 8016 §3.1: a zero-length MOBILITY-TICKET asks for one.
TEST(MobilityAllocate, GivesATicketWhenAsked) {
    NodeOptions options;
    options.config.mobility = true;
    TurnNode node{options};
    TurnClient without{node, "192.0.2.1:1"}, with{node, "192.0.2.1:2"}, wrong{node, "192.0.2.1:3"};
    EXPECT_FALSE(without.allocate()->has(Attribute::MobilityTicket));
    const Bytes ticket = ticket_of(with.allocate(kWantsTicket));
    EXPECT_EQ(ticket.size(), 16U);
    EXPECT_EQ(wrong.allocate(showing(ticket))->code(), 400);
    EXPECT_EQ(wrong.allocate(showing(Bytes(1)))->code(), 400);
    EXPECT_EQ(node.shared->quota.total(), 2U);
}

// turnutils_uclient keeps tickets as C strings: one with a zero byte would be shown cut short, and get 437.
TEST(MobilityAllocate, GivesTicketsThatAreText) {
    NodeOptions options;
    options.config.mobility = true;
    options.config.allocations_per_subject = 100;
    TurnNode node{options};
    for (int port = 1; port <= 32; ++port) {
        TurnClient client{node, "192.0.2.1:" + std::to_string(port)};
        for (const std::uint8_t byte : ticket_of(client.allocate(kWantsTicket))) {
            EXPECT_TRUE(std::isalnum(byte) != 0 || byte == '-' || byte == '_') << int{byte};
        }
    }
}

TEST(MobilityAllocate, IsForbiddenWhenItIsOff) {
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(client.allocate(kWantsTicket)->code(), 405);
    EXPECT_EQ(node.shared->quota.total(), 0U);
    ASSERT_TRUE(client.allocate()->success());
    EXPECT_EQ(client.request(Method::Refresh, showing(Bytes(16, 1)))->code(), 405);
    TurnClient elsewhere{node, "192.0.2.9:9"};
    EXPECT_EQ(elsewhere.request(Method::Refresh, showing(Bytes(16, 1)))->code(), 405);
}

// RFC 8016 §3.2: success with a new ticket; peers' data goes to the old 5-tuple until the client's comes on the new one.
TEST_P(Mobility, MovesTheAllocationWithItsClientsData) {
    const auto moved = show(ticket);
    ASSERT_TRUE(moved->success());
    EXPECT_EQ(moved->lifetime(), 600U);
    EXPECT_NE(ticket_of(moved), ticket);
    EXPECT_TRUE(stun::verify_message_integrity(moved->view(), after->key()));
    EXPECT_EQ(first->server.allocations() + second->server.allocations(), 1U);
    EXPECT_EQ(there().server.allocations(), 1U);
    EXPECT_TRUE(hears(*before));
    EXPECT_TRUE(there().moved_clients.empty());

    // Requests on the new 5-tuple are the owner's, and are no data.
    EXPECT_TRUE(after->permit({kPeer})->success());
    EXPECT_TRUE(hears(*before));

    ASSERT_TRUE(after->channel_data(0x4000));
    EXPECT_TRUE(hears(*after));
    ASSERT_EQ(there().moved_clients.size(), 1U);
    EXPECT_EQ(there().moved_clients[0].from, before->path.tuple);
    EXPECT_EQ(there().moved_clients[0].to, after->path.tuple);
    EXPECT_FALSE(there().server.knows(before->path.tuple));
    EXPECT_EQ(before->refresh()->code(), 437);
    EXPECT_TRUE(after->refresh()->success());
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 1U);

    ASSERT_TRUE(after->refresh(0)->success());
    EXPECT_EQ(there().ended_allocations.at(0).tuple, after->path.tuple);
    EXPECT_EQ(shared->quota.total(), 0U);
    EXPECT_EQ(shared->tickets.size(), 0U);
}

TEST_P(Mobility, ASendIndicationIsDataToo) {
    ASSERT_TRUE(show(ticket)->success());
    after->indicate("93.184.216.99:1", "no permission: nothing went out");
    EXPECT_TRUE(hears(*before));
    after->indicate(kPeer, "data");
    EXPECT_EQ(there().datagrams.size(), 1U);
    EXPECT_TRUE(hears(*after));
}

TEST_P(Mobility, TheOldFiveTupleGoesOnUntilThen) {
    ASSERT_TRUE(show(ticket)->success());
    TurnClient old{there(), "192.0.2.1:1000"};
    old.nonce = before->nonce;
    old.skip_transactions(100);
    EXPECT_TRUE(old.channel_data(0x4000));
    EXPECT_TRUE(old.refresh()->success());
    EXPECT_TRUE(hears(*before));
}

// A ticket is good once; the next move needs the next one.
TEST_P(Mobility, ATicketIsGoodOnce) {
    const auto moved = show(ticket);
    ASSERT_TRUE(moved->success());
    TurnClient third{*first, "203.0.113.200:3000"};
    EXPECT_EQ(third.request(Method::Refresh, showing(ticket))->code(), 437);
    const auto again = third.request(Method::Refresh, showing(ticket_of(moved)));
    ASSERT_TRUE(again->success());
    // The second address is nobody's now: the client went on before any data came from there.
    EXPECT_EQ(after->permit({kPeer})->code(), 437);
    EXPECT_TRUE(third.channel_data(0x4000));
    EXPECT_EQ(first->moved_clients.size(), 1U);
}

TEST_P(Mobility, RefusesTicketsThatAreNone) {
    Bytes bent = ticket;
    bent[3] ^= 1;
    EXPECT_EQ(show(bent)->code(), 437);
    EXPECT_EQ(show(Bytes(8, 7))->code(), 437);
    EXPECT_EQ(show({})->code(), 400);
    ASSERT_TRUE(before->refresh(0)->success());
    EXPECT_EQ(show(ticket)->code(), 437);
}

// §3.2: 441 for another user, and the allocation stays where it is.
TEST_P(Mobility, RefusesAnotherUser) {
    after->username = "bob";
    after->password = "builder";
    EXPECT_EQ(show(ticket)->code(), 441);
    EXPECT_EQ(first->server.allocations(), 1U);
    after->username = "alice";
    after->password = "wrong";
    EXPECT_EQ(show(ticket)->code(), 401);
    EXPECT_EQ(first->server.allocations(), 1U);
    after->password = "wonderland";
    EXPECT_TRUE(show(ticket)->success());
}

// The nonce has to be one of the new 5-tuple.
TEST_P(Mobility, NeedsANonceOfTheNewFiveTuple) {
    after->nonce = before->nonce;
    const auto refused = after->send(after->signed_request(Method::Refresh, showing(ticket)));
    EXPECT_EQ(refused->code(), 438);
    EXPECT_FALSE(there().server.knows(after->path.tuple));
    EXPECT_TRUE(show(ticket)->success());  // with the nonce of the 438
}

TEST_P(Mobility, AnswersARetransmissionWithTheSameBytes) {
    show(Bytes(16, 9));  // for a nonce
    const Bytes request = after->signed_request(Method::Refresh, showing(ticket));
    const auto moved = after->send(request);
    ASSERT_TRUE(moved->success());
    EXPECT_EQ(after->send(request)->bytes, moved->bytes);
    ASSERT_TRUE(after->channel_data(0x4000));
    EXPECT_EQ(after->send(request)->bytes, moved->bytes);
}

// A Refresh on its own 5-tuple renews the ticket; a ticket of another allocation is no business of it.
TEST_P(Mobility, RenewsATicketInPlace) {
    const auto renewed = before->request(Method::Refresh, showing(ticket));
    ASSERT_TRUE(renewed->success());
    EXPECT_NE(ticket_of(renewed), ticket);
    EXPECT_EQ(before->request(Method::Refresh, showing(ticket))->code(), 437);
    ASSERT_TRUE(after->allocate(kWantsTicket)->success());
    EXPECT_EQ(show(ticket_of(renewed))->code(), 437);
}

TEST_P(Mobility, EndsWithLifetimeZeroFromTheNewAddress) {
    const auto ended = show(ticket, 0);
    ASSERT_TRUE(ended->success());
    EXPECT_EQ(ended->lifetime(), 0U);
    EXPECT_EQ(first->server.allocations() + second->server.allocations(), 0U);
    EXPECT_EQ(shared->quota.total(), 0U);
    EXPECT_EQ(shared->tickets.size(), 0U);
}

TEST_P(Mobility, ExpiresWhileItsClientIsOnTheWay) {
    ASSERT_TRUE(show(ticket)->success());
    first->pass(600s);
    second->pass(600s);
    EXPECT_FALSE(after->channel_data(0x4000));
    there().advance(100ms);
    EXPECT_EQ(there().ended_allocations.size(), 1U);
    EXPECT_FALSE(there().server.knows(after->path.tuple));
    EXPECT_TRUE(after->allocate()->success());
}

// A broken connection is what tickets are for: the allocation waits for its client.
TEST(MobilityStream, OutlivesItsConnection) {
    NodeOptions options;
    options.config.mobility = true;
    TurnNode node{options};
    TurnClient before{node, "192.0.2.1:1", Transport::Tcp}, after{node, "192.0.2.1:2", Transport::Tcp},
        plain{node, "192.0.2.1:3", Transport::Tcp};
    const Bytes ticket = ticket_of(before.allocate(kWantsTicket));
    ASSERT_TRUE(plain.allocate()->success());
    ASSERT_TRUE(before.bind(0x4000, kPeer)->success());
    for (const TurnClient* client : {&before, &plain}) node.server.client_gone(client->path.tuple, node.now, node.out);
    node.run();
    EXPECT_EQ(node.server.allocations(), 1U);
    ASSERT_TRUE(after.request(Method::Refresh, showing(ticket))->success());
    EXPECT_TRUE(after.channel_data(0x4000));
    node.server.client_gone(before.path.tuple, node.now, node.out);
    EXPECT_TRUE(after.refresh()->success());
}

TEST(MobilityStream, TheNewConnectionTakesOverWhenTheOldOneEnds) {
    NodeOptions options;
    options.config.mobility = true;
    TurnNode node{options};
    TurnClient before{node, "192.0.2.1:1", Transport::Tcp}, after{node, "192.0.2.1:2", Transport::Tcp};
    const auto moved = after.request(Method::Refresh, showing(ticket_of(before.allocate(kWantsTicket))));
    ASSERT_TRUE(moved->success());
    ASSERT_TRUE(after.permit({kPeer})->success());
    node.server.client_gone(before.path.tuple, node.now, node.out);
    node.run();
    EXPECT_EQ(after.from_peer(kPeer)->path->tuple, after.path.tuple);
    // And when the new one ends before anything came of it, the old one is left.
    TurnClient third{node, "192.0.2.1:3", Transport::Tcp};
    ASSERT_TRUE(third.request(Method::Refresh, showing(ticket_of(moved)))->success());
    node.server.client_gone(third.path.tuple, node.now, node.out);
    node.run();
    EXPECT_TRUE(after.refresh()->success());
    EXPECT_EQ(third.refresh()->code(), 437);
}

// A restart keeps the ticket with the record.
TEST_P(Mobility, KeepsTheTicketInTheRecord) {
    const auto record = core::AllocationRecord::decode(first->server.record(before->path.tuple, first->now)->encode());
    TurnNode restarted{options};
    ASSERT_TRUE(restarted.server.restore(*record, before->path, restarted.now, restarted.out));
    restarted.run();
    TurnClient back{restarted, "198.51.100.1:2000"};
    EXPECT_TRUE(back.request(Method::Refresh, showing(ticket))->success());
    EXPECT_TRUE(back.channel_data(0x4000));
}

}  // namespace
}  // namespace turnpike::test
