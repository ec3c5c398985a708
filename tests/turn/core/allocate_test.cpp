#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

Fill lifetime(std::uint32_t seconds) {
    return [seconds](auto& m) { m.u32(Attribute::Lifetime, seconds); };
}

// RFC 8656 §7.2 and §7.3: what a success tells, signed; and it comes only when the address is bound.
TEST(Allocate, TellsTheRelayedAndTheMappedAddress) {
    TurnNode node;
    TurnClient client{node};
    const auto answer = client.allocate();
    ASSERT_TRUE(answer && answer->success());
    ASSERT_EQ(answer->relayed().size(), 1U);
    EXPECT_EQ(answer->relayed()[0].address, ip("203.0.113.7"));  // the external form, never 10.0.0.5
    EXPECT_EQ(answer->relayed()[0].port, 50'000);
    EXPECT_EQ(answer->address(Attribute::XorMappedAddress), client.path.tuple.client);
    EXPECT_EQ(answer->lifetime(), 600U);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
    EXPECT_FALSE(answer->has(Attribute::Software));

    ASSERT_EQ(node.begun_allocations.size(), 1U);
    const auto& begun = node.begun_allocations[0];
    EXPECT_EQ(begun.username, "alice");
    EXPECT_EQ(begun.subject, "alice");
    EXPECT_EQ(begun.realm, "turnpike");
    EXPECT_EQ(begun.tuple, client.path.tuple);
    EXPECT_EQ(begun.relayed, answer->relayed()[0]);
    EXPECT_EQ(node.server.allocations(), 1U);
    EXPECT_EQ(node.server.counters().successes[3], 1U);
}

TEST(Allocate, AnswersOnlyWhenTheRelayIsOpen) {
    TurnNode node;
    node.opens = false;
    TurnClient client{node};
    EXPECT_FALSE(client.allocate());
    ASSERT_EQ(node.asked.size(), 1U);
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_TRUE(node.server.knows(client.path.tuple));
    node.pass(1s);
    node.opened(node.asked[0]);
    node.run();
    EXPECT_TRUE(node.answers.back().success());
    EXPECT_EQ(node.answers.back().lifetime(), 600U);  // from now on, not from the request on
    EXPECT_EQ(node.server.allocations(), 1U);
}

// RFC 8656 §7.2, 2: a 5-tuple that is in use; the same transaction is the same request.
TEST(Allocate, AnswersARetransmissionWithTheSameBytes) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_EQ(client.request(Method::Refresh)->code(), 437);
    const Bytes request = client.signed_request(Method::Allocate, TurnClient::transport_udp);
    const auto first = client.send(request);
    node.pass(500ms);
    const auto again = client.send(request);
    ASSERT_TRUE(first && again && first->success());
    EXPECT_EQ(first->bytes, again->bytes);
    EXPECT_EQ(node.asked.size(), 1U);
    EXPECT_EQ(node.shared->quota.of("turnpike", "alice"), 1U);

    node.pass(9500ms);
    EXPECT_EQ(client.send(request)->lifetime(), 590U);  // what is left by then
    EXPECT_EQ(client.allocate()->code(), 437);
}

TEST(Allocate, AnswersARetransmissionThoughTheNonceAgedMeanwhile) {
    TurnNode node;
    TurnClient client{node};
    ASSERT_EQ(client.request(Method::Refresh)->code(), 437);
    node.pass(599s);
    const Bytes request = client.signed_request(Method::Allocate, TurnClient::transport_udp);
    ASSERT_TRUE(client.send(request)->success());
    node.pass(2s);
    EXPECT_TRUE(client.send(request)->success());
    EXPECT_EQ(client.send(client.signed_request(Method::Refresh))->code(), 438);
}

TEST(Allocate, LetsARetransmissionJoinWhatIsPending) {
    TurnNode node;
    node.opens = false;
    TurnClient client{node};
    ASSERT_EQ(client.request(Method::Refresh)->code(), 437);
    const Bytes request = client.signed_request(Method::Allocate, TurnClient::transport_udp);
    EXPECT_FALSE(client.send(request));
    EXPECT_FALSE(client.send(request));
    EXPECT_EQ(client.allocate()->code(), 437);  // another transaction: the 5-tuple is taken
    ASSERT_EQ(node.asked.size(), 1U);
    const std::size_t before = node.answers.size();
    node.opened(node.asked[0]);
    node.run();
    EXPECT_EQ(node.answers.size(), before + 1);
    EXPECT_TRUE(node.answers.back().success());
}

// RFC 8656 §7.2, 3: REQUESTED-TRANSPORT.
TEST(Allocate, NeedsUdpAsRequestedTransport) {
    TurnNode node;
    TurnClient client{node};
    const auto code = [&](const Fill& fill) { return client.request(Method::Allocate, fill)->code(); };
    EXPECT_EQ(code({}), 400);
    EXPECT_EQ(code([](auto& m) { m.bytes(Attribute::RequestedTransport, Bytes{17}); }), 400);
    EXPECT_EQ(code([](auto& m) { m.u8(Attribute::RequestedTransport, 6); }), 442);
    EXPECT_EQ(code([](auto& m) { m.u8(Attribute::RequestedTransport, 99); }), 442);
    EXPECT_EQ(code(TurnClient::transport_udp), 0);
    EXPECT_TRUE(node.server.counters().errors[142] == 2 && node.server.counters().errors[100] == 2);
}

// RFC 8656 §7.2: time-to-expiry between the default and the maximum.
TEST(Allocate, GrantsLifetimesBetweenDefaultAndMaximum) {
    const std::pair<std::uint32_t, std::uint32_t> cases[] = {
        {0, 600}, {1, 600}, {599, 600}, {600, 600}, {601, 601}, {3600, 3600}, {3601, 3600}, {UINT32_MAX, 3600}};
    for (const auto& [asked, granted] : cases) {
        TurnNode node;
        TurnClient client{node};
        EXPECT_EQ(client.allocate(lifetime(asked))->lifetime(), granted) << asked;
    }
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(client.allocate([](auto& m) { m.bytes(Attribute::Lifetime, Bytes(3)); })->code(), 400);
}

// RFC 8656 §7.2: which family, and 440 for one that is not served.
TEST(Allocate, ServesTheRequestedFamily) {
    TurnNode node;
    const auto with = [&](std::string_view address, std::uint8_t family) {
        TurnClient client{node, address};
        return client.allocate([&](auto& m) { m.u8(Attribute::RequestedAddressFamily, family); }).value();
    };
    EXPECT_TRUE(with("192.0.2.1:1", 1).relayed()[0].address.is_v4());
    EXPECT_FALSE(with("192.0.2.1:2", 2).relayed()[0].address.is_v4());
    EXPECT_EQ(with("192.0.2.1:3", 3).code(), 440);
    TurnClient short_one{node, "192.0.2.1:4"};
    EXPECT_EQ(short_one.allocate([](auto& m) { m.bytes(Attribute::RequestedAddressFamily, Bytes{1}); })->code(), 400);
}

TEST(Allocate, RefusesAFamilyThatTheNodeDoesNotHave) {
    NodeOptions options;
    options.config.relay_v6 = false;
    TurnNode node{options};
    TurnClient client{node};
    EXPECT_EQ(client.allocate([](auto& m) { m.u8(Attribute::RequestedAddressFamily, 2); })->code(), 440);
    EXPECT_EQ(node.shared->quota.total(), 0U);
}

// relay.default_family, for clients that do not say.
TEST(Allocate, FollowsTheConfiguredDefaultFamily) {
    using enum core::Config::DefaultFamily;
    const auto families = [](core::Config::DefaultFamily mode, std::string_view client_address, bool v6 = true) {
        NodeOptions options;
        options.config.default_family = mode;
        options.config.relay_v6 = v6;
        TurnNode node{options};
        TurnClient client{node, client_address};
        std::string text;
        const auto answer = client.allocate();
        for (const Endpoint& relayed : answer->relayed()) text += relayed.address.is_v4() ? '4' : '6';
        EXPECT_FALSE(answer->has(Attribute::AddressErrorCode));
        return text;
    };
    EXPECT_EQ(families(Ipv4, "[2001:db8::9]:1"), "4");
    EXPECT_EQ(families(Listener, "[2001:db8::9]:1"), "6");
    EXPECT_EQ(families(Listener, "192.0.2.1:1"), "4");
    EXPECT_EQ(families(Listener, "[2001:db8::9]:1", false), "4");  // no IPv6 relays: what there is
    EXPECT_EQ(families(Dual, "192.0.2.1:1"), "46");
    EXPECT_EQ(families(Dual, "192.0.2.1:1", false), "4");
}

// RFC 8656 §7.2: ADDITIONAL-ADDRESS-FAMILY, one answer for both.
TEST(Allocate, GivesBothFamiliesWhenAsked) {
    TurnNode node;
    TurnClient client{node};
    const auto answer = client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); });
    ASSERT_TRUE(answer && answer->success());
    ASSERT_EQ(answer->relayed().size(), 2U);
    EXPECT_EQ(answer->relayed()[0].address, ip("203.0.113.7"));
    EXPECT_EQ(answer->relayed()[1].address, ip("2001:db8::5"));
    EXPECT_EQ(node.shared->quota.of("turnpike", "alice"), 1U);  // one allocation all the same
    EXPECT_EQ(node.server.allocations(), 1U);
}

TEST(Allocate, TellsWhichHalfOfADualAllocationIsMissing) {
    NodeOptions options;
    options.config.relay_v6 = false;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_EQ(client.request(Method::Refresh)->code(), 437);
    const Bytes request = client.signed_request(Method::Allocate, [](auto& m) {
        TurnClient::transport_udp(m);
        m.u8(Attribute::AdditionalAddressFamily, 2);
    });
    const auto answer = client.send(request);
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(answer->relayed().size(), 1U);
    const ByteView error = answer->view().find(Attribute::AddressErrorCode).value();
    EXPECT_EQ(error[0], 2);               // IPv6
    EXPECT_EQ(error[2] * 100 + error[3], 440);
    EXPECT_EQ(client.send(request)->bytes, answer->bytes);  // a retransmission is told as well
}

TEST(Allocate, TellsWhichHalfOfADualAllocationFailedToOpen) {
    TurnNode node;
    node.opens = false;
    TurnClient client{node};
    client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); });
    ASSERT_EQ(node.asked.size(), 2U);
    node.open_error = core::OpenError::NoPorts;
    node.opened(node.asked[0]);
    node.open_error.reset();
    node.run();
    const std::size_t before = node.answers.size();
    node.opened(node.asked[1]);
    node.run();
    ASSERT_EQ(node.answers.size(), before + 1);
    const Answer& answer = node.answers.back();
    ASSERT_TRUE(answer.success());
    ASSERT_EQ(answer.relayed().size(), 1U);
    EXPECT_FALSE(answer.relayed()[0].address.is_v4());
    const ByteView error = answer.view().find(Attribute::AddressErrorCode).value();
    EXPECT_EQ(error[0], 1);
    EXPECT_EQ(error[2] * 100 + error[3], 508);
}

// RFC 8656 §7.2: combinations that make no sense are 400.
TEST(Allocate, RefusesContradictingAttributes) {
    TurnNode node;
    TurnClient client{node};
    const auto code = [&](const Fill& fill) { return client.allocate(fill)->code(); };
    const Bytes token(8, 1);
    const auto family = [](auto& m) { m.u8(Attribute::RequestedAddressFamily, 1); };
    const auto additional = [](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); };
    const auto even = [](auto& m, std::uint8_t r) { m.bytes(Attribute::EvenPort, Bytes{r}); };

    EXPECT_EQ(code([&](auto& m) { family(m), additional(m); }), 400);
    EXPECT_EQ(code([&](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 1); }), 400);
    EXPECT_EQ(code([&](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 7); }), 400);
    EXPECT_EQ(code([&](auto& m) { additional(m), even(m, 0x80); }), 400);
    EXPECT_EQ(code([&](auto& m) { additional(m), m.bytes(Attribute::ReservationToken, token); }), 400);
    EXPECT_EQ(code([&](auto& m) { family(m), m.bytes(Attribute::ReservationToken, token); }), 400);
    EXPECT_EQ(code([&](auto& m) { even(m, 0), m.bytes(Attribute::ReservationToken, token); }), 400);
    EXPECT_EQ(code([&](auto& m) { m.bytes(Attribute::ReservationToken, Bytes(7)); }), 400);
    EXPECT_EQ(code([&](auto& m) { m.bytes(Attribute::EvenPort, Bytes(2)); }), 400);
    EXPECT_EQ(node.server.allocations(), 0U);
}

// §18.9: DONT-FRAGMENT is understood, here and in Send.
TEST(Allocate, UnderstandsDontFragment) {
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(client.allocate([](auto& m) { m.flag(Attribute::DontFragment); })->code(), 0);
}

// §18.7: EVEN-PORT without its R bit is a wish that the driver is told.
TEST(Allocate, AsksForAnEvenPort) {
    TurnNode node;
    TurnClient client{node};
    EXPECT_EQ(client.allocate([](auto& m) { m.bytes(Attribute::EvenPort, Bytes{0}); })->code(), 0);
    ASSERT_EQ(node.asked.size(), 1U);
    EXPECT_TRUE(node.asked.front().even);
}

// §7.2: quota by realm and subject, 486; given back when the allocation ends.
TEST(Allocate, CountsAllocationsOfASubject) {
    NodeOptions options;
    options.config.allocations_per_subject = 2;
    TurnNode node{options};
    TurnClient one{node, "192.0.2.1:1"}, two{node, "192.0.2.1:2"}, three{node, "192.0.2.3:3"};
    EXPECT_TRUE(one.allocate()->success());
    EXPECT_TRUE(two.allocate()->success());
    EXPECT_EQ(three.allocate()->code(), 486);
    TurnClient bob{node, "192.0.2.1:4"};
    bob.username = "bob";
    bob.password = "builder";
    EXPECT_TRUE(bob.allocate()->success());
    EXPECT_TRUE(one.refresh(0)->success());
    EXPECT_TRUE(three.allocate()->success());
    EXPECT_EQ(node.shared->quota.of("turnpike", "alice"), 2U);
}

TEST(Allocate, CountsAllocationsOfTheNode) {
    NodeOptions options;
    options.config.allocations_total = 1;
    TurnNode node{options};
    TurnClient one{node, "192.0.2.1:1"}, two{node, "192.0.2.1:2"};
    EXPECT_TRUE(one.allocate()->success());
    EXPECT_EQ(two.allocate()->code(), 486);
    EXPECT_TRUE(one.refresh(0)->success());
    EXPECT_TRUE(two.allocate()->success());
}

// Security F18: no ports is 508, and costs no quota.
TEST(Allocate, Answers508WhenNoRelayOpens) {
    using enum core::OpenError;
    for (const auto error : {NoPorts, NoDescriptors, AddressGone, Refused}) {
        TurnNode node;
        node.open_error = error;
        TurnClient client{node};
        const auto answer = client.allocate();
        EXPECT_EQ(answer->code(), 508);
        EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
        EXPECT_EQ(node.shared->quota.total(), 0U);
        EXPECT_FALSE(node.server.knows(client.path.tuple));
        node.open_error.reset();
        EXPECT_TRUE(client.allocate()->success());
    }
}

// DESIGN 3: Pending is bounded, and each wait has a deadline.
TEST(Allocate, WaitsForARelayWithinALimitOnly) {
    NodeOptions options;
    options.config.pending_max = 1;
    TurnNode node{options};
    node.opens = false;
    TurnClient one{node, "192.0.2.1:1"}, two{node, "192.0.2.1:2"};
    one.allocate();
    EXPECT_EQ(two.allocate()->code(), 508);
    EXPECT_EQ(node.shared->quota.total(), 1U);

    node.advance(1900ms);
    EXPECT_TRUE(node.server.knows(one.path.tuple));
    node.advance(200ms);
    EXPECT_FALSE(node.server.knows(one.path.tuple));
    EXPECT_EQ(node.answers.back().code(), 508);
    EXPECT_EQ(node.answers.back().path.tuple, one.path.tuple);
    EXPECT_EQ(node.shared->quota.total(), 0U);

    // A socket that comes too late is closed again.
    node.opened(node.asked[0]);
    node.run();
    EXPECT_EQ(node.closed_relays.size(), 1U);
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_FALSE(node.server.next_deadline(node.now));
}

TEST(Allocate, ClosesTheHalfThatOpenedWhenTheClientGoes) {
    TurnNode node;
    node.opens = false;
    TurnClient client{node, "192.0.2.1:1", Transport::Tcp};
    client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); });
    node.opened(node.asked[0]);
    node.run();
    node.server.client_gone(client.path.tuple, node.now, node.out);
    node.run();
    EXPECT_EQ(node.closed_relays, std::vector{node.asked[0].relay});
    node.opened(node.asked[1]);
    node.run();
    EXPECT_EQ(node.closed_relays.size(), 2U);
    EXPECT_TRUE(node.sockets.empty());
    EXPECT_EQ(node.shared->quota.total(), 0U);
    EXPECT_TRUE(node.begun_allocations.empty() && node.ended_allocations.empty());
}

}  // namespace
}  // namespace turnpike::test
