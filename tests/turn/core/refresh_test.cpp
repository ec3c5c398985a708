#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

class Refreshing : public ::testing::Test {
protected:
    Refreshing() { EXPECT_TRUE(client.allocate()->success()); }
    std::optional<Answer> of_family(std::uint8_t family, std::uint32_t lifetime) {
        return client.request(Method::Refresh, [&](auto& m) {
            m.u32(Attribute::Lifetime, lifetime).u8(Attribute::RequestedAddressFamily, family);
        });
    }

    TurnNode node;
    TurnClient client{node};
};

// RFC 8656 §8.2: 437 without an allocation.
TEST(Refresh, NeedsAnAllocation) {
    TurnNode node;
    TurnClient client{node};
    const auto answer = client.refresh();
    EXPECT_EQ(answer->code(), 437);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
}

// RFC 8656 §8.2, the rules of §7.2.
TEST_F(Refreshing, GrantsLifetimesBetweenDefaultAndMaximum) {
    EXPECT_EQ(client.refresh()->lifetime(), 600U);
    EXPECT_EQ(client.refresh(1)->lifetime(), 600U);
    EXPECT_EQ(client.refresh(601)->lifetime(), 601U);
    EXPECT_EQ(client.refresh(UINT32_MAX)->lifetime(), 3600U);
    EXPECT_EQ(client.request(Method::Refresh, [](auto& m) { m.bytes(Attribute::Lifetime, Bytes(5)); })->code(), 400);
}

// RFC 8656 §8.2: expiry, the moment before it and the moment at it.
TEST_F(Refreshing, MovesTheExpiry) {
    node.advance(599s);
    ASSERT_TRUE(client.refresh()->success());
    node.advance(600s - 1ns);
    EXPECT_EQ(node.server.allocations(), 1U);
    EXPECT_TRUE(client.refresh()->success());
    node.pass(600s);
    EXPECT_EQ(client.refresh()->code(), 437);  // though nobody called advance()
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    EXPECT_EQ(node.ended_allocations[0].reason, CloseReason::Expired);
    EXPECT_TRUE(node.sockets.empty());
}

TEST_F(Refreshing, EndsWithoutARefresh) {
    node.advance(600s - 1ns);
    EXPECT_EQ(node.server.allocations(), 1U);
    node.advance(100ms);  // the wheel's tick
    EXPECT_EQ(node.server.allocations(), 0U);
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    EXPECT_EQ(node.ended_allocations[0].reason, CloseReason::Expired);
    EXPECT_EQ(node.closed_relays.size(), 1U);
    EXPECT_EQ(node.shared->quota.total(), 0U);
    EXPECT_FALSE(node.server.next_deadline(node.now));
}

// RFC 8656 §8.2: LIFETIME 0 ends it at once; again is 437.
TEST_F(Refreshing, EndsTheAllocationWithLifetimeZero) {
    const auto answer = client.refresh(0);
    ASSERT_TRUE(answer->success());
    EXPECT_EQ(answer->lifetime(), 0U);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_EQ(node.closed_relays.size(), 1U);
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    EXPECT_EQ(node.ended_allocations[0].reason, CloseReason::Refreshed0);
    EXPECT_EQ(client.refresh(0)->code(), 437);
    EXPECT_TRUE(client.allocate()->success());
}

// RFC 8489 §6.3.1: the same request has the same answer for 40 seconds, also when it ended the thing it was about.
TEST_F(Refreshing, AnswersARetransmittedEndWithTheSameBytes) {
    const Bytes request = client.signed_request(Method::Refresh, [](auto& m) { m.u32(Attribute::Lifetime, 0); });
    const auto first = client.send(request);
    ASSERT_TRUE(first && first->success());
    node.pass(40s - 1ns);
    EXPECT_EQ(client.send(request)->bytes, first->bytes);
    TurnClient elsewhere{node, "192.0.2.1:40009"};
    EXPECT_EQ(elsewhere.send(request)->code(), 438);
    node.pass(1ns);
    EXPECT_EQ(client.send(request)->code(), 437);
    EXPECT_EQ(node.ended_allocations.size(), 1U);
}

// A retransmitted end never ends the next allocation of the 5-tuple.
TEST_F(Refreshing, DoesNotReplayAnEndOnANewAllocation) {
    const Bytes request = client.signed_request(Method::Refresh, [](auto& m) { m.u32(Attribute::Lifetime, 3000); });
    ASSERT_TRUE(client.send(request)->success());
    ASSERT_TRUE(client.refresh(0)->success());
    EXPECT_EQ(client.send(request)->code(), 437);
}

// Security F27: a session ends, whatever is refreshed.
TEST_F(Refreshing, StopsAtTheEndOfTheSession) {
    Seconds age = 0s;
    while (age + 3600s < node.options.config.max_session) {
        ASSERT_EQ(client.refresh(3600)->lifetime(), 3600U);
        node.advance(3590s);
        age += 3590s;
    }
    const auto left = node.options.config.max_session - age;
    EXPECT_EQ(client.refresh(3600)->lifetime(), left.count());
    node.advance(left - 1ns);
    EXPECT_EQ(node.server.allocations(), 1U);
    node.advance(100ms);
    ASSERT_EQ(node.ended_allocations.size(), 1U);
    EXPECT_EQ(node.ended_allocations[0].reason, CloseReason::MaxSession);
    EXPECT_GE(node.ended_allocations[0].duration, Nanoseconds{node.options.config.max_session});
}

// RFC 8656 §8.2: REQUESTED-ADDRESS-FAMILY that the allocation does not have.
TEST_F(Refreshing, RefusesAFamilyThatTheAllocationDoesNotHave) {
    EXPECT_EQ(of_family(2, 600)->code(), 443);
    EXPECT_EQ(of_family(2, 0)->code(), 443);
    EXPECT_EQ(of_family(3, 600)->code(), 440);
    EXPECT_EQ(of_family(1, 600)->code(), 0);
    EXPECT_EQ(client.request(Method::Refresh, [](auto& m) { m.bytes(Attribute::RequestedAddressFamily, {}); })->code(),
              400);
    EXPECT_EQ(of_family(1, 0)->code(), 0);
    EXPECT_EQ(node.server.allocations(), 0U);
}

// RFC 8656 §8.2: one family of a dual allocation ends alone.
TEST(Refresh, EndsOneFamilyOfADualAllocation) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_TRUE(client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); })->success());
    ASSERT_TRUE(client.bind(0x4000, "93.184.216.34:5000")->success());
    ASSERT_TRUE(client.bind(0x4001, "[2a00:1450::1]:5000")->success());
    const auto end_v6 = [](auto& m) {
        m.u32(Attribute::Lifetime, 0).u8(Attribute::RequestedAddressFamily, 2);
    };
    EXPECT_TRUE(client.request(Method::Refresh, end_v6)->success());
    EXPECT_EQ(node.sockets.size(), 1U);
    EXPECT_EQ(node.server.allocations(), 1U);
    EXPECT_TRUE(client.channel_data(0x4000));
    EXPECT_FALSE(client.channel_data(0x4001));
    EXPECT_EQ(client.permit({"[2a00:1450::1]:1"})->code(), 443);
    EXPECT_EQ(client.request(Method::Refresh, end_v6)->code(), 443);
    EXPECT_TRUE(node.ended_allocations.empty());
    EXPECT_TRUE(client.refresh(0)->success());
    EXPECT_TRUE(node.sockets.empty());
}

}  // namespace
}  // namespace turnpike::test
