#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

// RFC 8489 §6.3.1.1: XOR-MAPPED-ADDRESS is the source that the server saw.
TEST(Binding, AnswersWithTheObservedAddressInBothFamilies) {
    TurnNode node;
    for (const std::string_view client : {"192.0.2.1:40000", "[2001:db8::9]:40001"}) {
        TurnClient one{node, client};
        const auto answer = one.send(one.plain(Method::Binding));
        ASSERT_TRUE(answer && answer->success());
        EXPECT_EQ(answer->address(Attribute::XorMappedAddress), at(client));
        EXPECT_EQ(answer->view().transaction(), one.transaction);
        EXPECT_EQ(answer->path.link, one.path.link);
    }
}

// RFC 8489 §7: FINGERPRINT is answered with FINGERPRINT, and only then.
TEST(Binding, AnswersAFingerprintWithAFingerprint) {
    TurnNode node;
    TurnClient client{node};
    const auto with = client.send(client.plain(Method::Binding, [](auto& m) { m.fingerprint(); }));
    const auto without = client.send(client.plain(Method::Binding));
    ASSERT_TRUE(with && without);
    EXPECT_TRUE(with->has(Attribute::Fingerprint));  // view() checked that it is right
    EXPECT_FALSE(without->has(Attribute::Fingerprint));
    EXPECT_FALSE(without->has(Attribute::Software));
}

// RFC 8489 §6.3.1: 420 lists each unknown comprehension-required attribute once.
TEST(Binding, ListsUnknownRequiredAttributesOnce) {
    TurnNode node;
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding, [](auto& m) {
        m.u32(Attribute::Priority, 1).raw(0x7FFF, {}).raw(0x7FFF, {}).raw(0x8888, {});
    }));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code(), 420);
    const ByteView listed = answer->view().find(Attribute::UnknownAttributes).value();
    ASSERT_EQ(listed.size(), 4U);
    EXPECT_EQ(load_u16(listed, 0), 0x0024);
    EXPECT_EQ(load_u16(listed, 2), 0x7FFF);
}

TEST(Binding, IgnoresUnknownOptionalAttributes) {
    TurnNode node;
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding, [](auto& m) { m.raw(0xC057, {}); }));
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->success());
}

// RFC 8489 §6.3.2 and T9: nothing but a request is answered.
TEST(Binding, NeverAnswersIndicationsAndResponses) {
    TurnNode node;
    TurnClient client{node};
    for (const Class message_class : {Class::Indication, Class::Success, Class::Error}) {
        for (const Method method : {Method::Binding, Method::Allocate, Method::Refresh, Method::Data}) {
            EXPECT_FALSE(client.send(client.plain(method, {}, message_class)));
        }
    }
    EXPECT_EQ(node.server.counters().dropped_malformed, 12U);
}

// RFC 8489 §6.3.1: a method that nobody serves never succeeds.
TEST(Binding, RefusesUnknownMethods) {
    TurnNode node;
    TurnClient client{node};
    for (const int method : {0x000, 0x002, 0x006, 0x007, 0x00A, 0x00B, 0x0FF, 0xFFF}) {
        const auto answer = client.send(client.plain(static_cast<Method>(method)));
        ASSERT_TRUE(answer) << method;
        EXPECT_EQ(answer->code(), 400) << method;
        EXPECT_EQ(answer->bytes.size(), 28U);
    }
}

// T9: a request from one of our own relayed addresses would be a loop.
TEST(Binding, IgnoresRequestsFromOurOwnRelayPorts) {
    TurnNode node;
    TurnClient alice{node};
    ASSERT_TRUE(alice.allocate()->success());
    const Endpoint relayed = node.begun_allocations.back().relayed;

    TurnClient loop{node, relayed.to_string()};
    EXPECT_FALSE(loop.send(loop.plain(Method::Binding)));
    TurnClient local{node, Endpoint{ip("10.0.0.5"), relayed.port}.to_string()};
    EXPECT_FALSE(local.send(local.plain(Method::Allocate)));
    TurnClient neighbour{node, Endpoint{relayed.address, 1024}.to_string()};
    EXPECT_TRUE(neighbour.send(neighbour.plain(Method::Binding)));
}

}  // namespace
}  // namespace turnpike::test
