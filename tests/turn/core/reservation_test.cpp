#include "turn/core/reservations.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::Reservations;

const Fill kReserve = [](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0x80}); };

Fill with(ByteView token) {
    return [token](auto& m) { m.bytes(Attribute::ReservationToken, token); };
}
Bytes token_of(const std::optional<Answer>& answer) {
    const ByteView token = answer->view().find(Attribute::ReservationToken).value();
    return {token.begin(), token.end()};
}

// Two workers of a node, a client on each, another client of another user.
class Reserving : public ::testing::Test {
protected:
    Reserving() {
        bob.username = "bob";
        bob.password = "builder";
    }
    NodeOptions options;
    std::shared_ptr<SharedState> shared = std::make_shared<SharedState>(options);
    TurnNode first{options, shared}, second{options, shared};
    TurnClient rtp{first, "192.0.2.1:1"}, rtcp{second, "192.0.2.1:2"}, bob{second, "192.0.2.1:3"};
};

// RFC 8656 §7.2, §7.3: an even port and a token; the token's Allocate gets the next higher port, wherever it arrives.
TEST_F(Reserving, GivesTheNextPortToTheAllocateWithTheToken) {
    const auto even = rtp.allocate(kReserve);
    ASSERT_TRUE(even && even->success());
    EXPECT_EQ(even->relayed()[0].port % 2, 0);
    EXPECT_EQ(token_of(even).size(), 8U);
    EXPECT_EQ(shared->held.size(), 1U);
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 2U);  // the pair

    second.pass(30s - 1ns);
    const auto odd = rtcp.allocate(with(token_of(even)));
    ASSERT_TRUE(odd && odd->success());
    EXPECT_EQ(odd->relayed()[0].port, even->relayed()[0].port + 1);
    EXPECT_EQ(odd->relayed()[0].address, even->relayed()[0].address);
    EXPECT_FALSE(odd->has(Attribute::ReservationToken));
    EXPECT_TRUE(shared->held.empty());
    EXPECT_TRUE(second.asked.back().reserved);
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 2U);

    // What was taken has nothing to end.
    first.advance(60s);
    EXPECT_TRUE(first.ended_reservations.empty());
    EXPECT_TRUE(rtp.refresh(0)->success());
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 1U);
    EXPECT_TRUE(rtcp.refresh(0)->success());
    EXPECT_EQ(shared->quota.total(), 0U);
}

TEST_F(Reserving, TakesAnEvenPortAloneWithoutAToken) {
    const auto answer = rtp.allocate([](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0}); });
    ASSERT_TRUE(answer->success());
    EXPECT_EQ(answer->relayed()[0].port % 2, 0);
    EXPECT_FALSE(answer->has(Attribute::ReservationToken));
    EXPECT_TRUE(shared->held.empty());
}

// §7.2: 508 for a token that is unknown, used, or expired.
TEST_F(Reserving, RefusesATokenThatOpensNothing) {
    EXPECT_EQ(rtcp.allocate(with(Bytes(8, 1)))->code(), 508);
    const Bytes token = token_of(rtp.allocate(kReserve));
    ASSERT_TRUE(rtcp.allocate(with(token))->success());
    EXPECT_EQ(TurnClient(second, "192.0.2.1:9").allocate(with(token))->code(), 508);

    TurnClient again{first, "192.0.2.1:4"};
    const Bytes late = token_of(again.allocate(kReserve));
    second.pass(30s);
    EXPECT_EQ(TurnClient(second, "192.0.2.1:10").allocate(with(late))->code(), 508);
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 4U);
    first.advance(30s + 100ms);
    ASSERT_EQ(first.ended_reservations.size(), 1U);
    EXPECT_EQ(first.ended_reservations[0].port % 2, 1);
    EXPECT_TRUE(shared->held.empty());
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 3U);
}

TEST_F(Reserving, KeepsATokenFromAnotherUser) {
    const Bytes token = token_of(rtp.allocate(kReserve));
    EXPECT_EQ(bob.allocate(with(token))->code(), 508);
    EXPECT_EQ(shared->quota.of("turnpike", "bob"), 0U);
    EXPECT_TRUE(rtcp.allocate(with(token))->success());  // and it is still there for its own
}

TEST_F(Reserving, TellsARetransmissionTheSameToken) {
    ASSERT_EQ(rtp.request(Method::Refresh)->code(), 437);
    const Bytes request = rtp.signed_request(Method::Allocate, [](auto& m) {
        TurnClient::transport_udp(m);
        kReserve(m);
    });
    const auto answer = rtp.send(request);
    EXPECT_EQ(rtp.send(request)->bytes, answer->bytes);
    EXPECT_EQ(shared->reservations.size(), 1U);
    EXPECT_EQ(first.asked.size(), 1U);

    // Also on the worker that the allocation moved to.
    const auto released = first.server.release(rtp.path.tuple, first.now);
    const auto record = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(second.server.adopt(*record, rtp.path, second.now));
    TurnClient moved{second, "192.0.2.1:1"};
    EXPECT_EQ(moved.send(request)->bytes, answer->bytes);
}

TEST_F(Reserving, OutlivesTheAllocationThatItCameWith) {
    const auto even = rtp.allocate(kReserve);
    ASSERT_TRUE(rtp.refresh(0)->success());
    const auto odd = rtcp.allocate(with(token_of(even)));
    ASSERT_TRUE(odd->success());
    EXPECT_EQ(odd->relayed()[0].port, even->relayed()[0].port + 1);
}

// A pair is two of the allocations that the subject may have.
TEST_F(Reserving, CountsAsAnAllocation) {
    NodeOptions one_more = options;
    one_more.config.allocations_per_subject = 2;
    TurnNode node{one_more};
    TurnClient a{node, "192.0.2.1:1"}, b{node, "192.0.2.1:2"}, c{node, "192.0.2.1:3"};
    ASSERT_TRUE(a.allocate()->success());
    EXPECT_EQ(b.allocate(kReserve)->code(), 486);
    EXPECT_EQ(node.shared->quota.total(), 1U);
    ASSERT_TRUE(a.refresh(0)->success());
    const auto even = b.allocate(kReserve);
    ASSERT_TRUE(even->success());
    EXPECT_EQ(a.allocate()->code(), 486);
    EXPECT_TRUE(c.allocate(with(token_of(even)))->success());
}

TEST_F(Reserving, CostsNothingWhenItFails) {
    first.open_error = core::OpenError::NoPorts;
    EXPECT_EQ(rtp.allocate(kReserve)->code(), 508);
    EXPECT_EQ(shared->quota.total(), 0U);
    first.open_error.reset();
    const Bytes token = token_of(rtp.allocate(kReserve));
    second.open_error = core::OpenError::Refused;
    EXPECT_EQ(rtcp.allocate(with(token))->code(), 508);
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 1U);
    EXPECT_EQ(shared->reservations.size(), 0U);
}

// A socket that comes when nobody waits any more goes, with the port behind it.
TEST_F(Reserving, LetsThePairGoThatComesTooLate) {
    first.opens = false;
    rtp.allocate(kReserve);
    first.advance(2s + 100ms);
    EXPECT_EQ(shared->quota.total(), 0U);
    first.opened(first.asked[0]);
    first.run();
    EXPECT_EQ(first.closed_relays.size(), 1U);
    EXPECT_EQ(first.closed_with_next, 1U);
    EXPECT_EQ(shared->reservations.size(), 0U);
}

// relay.default_family = "dual" adds no second family to a pair.
TEST_F(Reserving, IsOfOneFamily) {
    NodeOptions dual = options;
    dual.config.default_family = core::Config::DefaultFamily::Dual;
    TurnNode node{dual};
    TurnClient client{node}, second_client{node, "192.0.2.1:2"};
    const auto even = client.allocate(kReserve);
    ASSERT_TRUE(even->success());
    EXPECT_EQ(even->relayed().size(), 1U);
    EXPECT_EQ(second_client.allocate(with(token_of(even)))->relayed().size(), 1U);

    TurnClient v6{node, "192.0.2.1:3"};
    const auto six = v6.allocate([](auto& m) {
        m.bytes(Attribute::EvenPort, Bytes{0x80});
        m.u8(Attribute::RequestedAddressFamily, 2);
    });
    ASSERT_TRUE(six->success());
    TurnClient v6_next{node, "192.0.2.1:4"};
    EXPECT_FALSE(v6_next.allocate(with(token_of(six)))->relayed()[0].address.is_v4());
}

TEST(ReservationsTest, TokensAreTheirSubjectsOnly) {
    ScriptedRandom random;
    Reservations reservations;
    const Instant now{1s};
    const auto token = reservations.keep({"r", "alice", at("10.0.0.5:50001"), now + 30s}, random);
    const auto other = reservations.keep({"r", "alice", at("10.0.0.5:50003"), now + 30s}, random);
    EXPECT_NE(token, other);
    EXPECT_FALSE(reservations.take(token, "r", "bob", now));
    EXPECT_FALSE(reservations.take(token, "s", "alice", now));
    EXPECT_FALSE(reservations.take(token, "r", "alice", now + 30s));
    EXPECT_EQ(reservations.take(token, "r", "alice", now), at("10.0.0.5:50001"));
    EXPECT_FALSE(reservations.take(token, "r", "alice", now));
    EXPECT_FALSE(reservations.end(token));
    EXPECT_EQ(reservations.end(other)->local, at("10.0.0.5:50003"));
    EXPECT_EQ(reservations.size(), 0U);
}

}  // namespace
}  // namespace turnpike::test
