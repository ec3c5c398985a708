#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kPeer6 = "[2a00:1450::1]:5000";

class Icmp : public ::testing::Test {
protected:
    Icmp() {
        EXPECT_TRUE(client.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); })->success());
        EXPECT_TRUE(client.permit({kPeer, kPeer6})->success());
    }
    /// What the client is told, if anything.
    std::optional<Answer> told(std::string_view peer, stun::IcmpValue icmp) {
        const std::size_t before = node.answers.size();
        node.server.on_icmp(client.relay(at(peer).address.is_v4() ? 0 : 1), at(peer), icmp, node.now, node.out);
        node.run();
        if (node.answers.size() == before) return {};
        EXPECT_EQ(node.answers.size(), before + 1);
        return node.answers.back();
    }
    stun::IcmpValue icmp_of(const Answer& answer) {
        return stun::decode_icmp(answer.view().find(Attribute::Icmp).value()).value();
    }

    TurnNode node;
    TurnClient client{node};
};

// RFC 8656 §11.5: XOR-PEER-ADDRESS and ICMP, no DATA.
TEST_F(Icmp, TellsTheClientOfAPermittedPeersErrors) {
    const auto answer = told(kPeer, {3, 3, 0});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->view().message_class(), Class::Indication);
    EXPECT_EQ(answer->view().method(), Method::Data);
    EXPECT_EQ(answer->address(Attribute::XorPeerAddress), at(kPeer));
    EXPECT_EQ(icmp_of(*answer).type, 3);
    EXPECT_EQ(icmp_of(*answer).code, 3);
    EXPECT_EQ(icmp_of(*answer).data, 0U);
    EXPECT_FALSE(answer->has(Attribute::Data));
    EXPECT_FALSE(answer->has(Attribute::MessageIntegrity));
    EXPECT_EQ(answer->path.tuple, client.path.tuple);
    EXPECT_NE(told(kPeer, {3, 3, 0})->view().transaction(), answer->view().transaction());
    EXPECT_EQ(node.server.counters().icmp_indications, 2U);
}

// §11.5: types 3 and 11 of ICMPv4, 1, 2 and 3 of ICMPv6, and no other.
TEST_F(Icmp, TellsOfTheTypesOfTheRfc) {
    for (unsigned type = 0; type < 128; ++type) {
        node.pass(1s);
        const auto t = static_cast<std::uint8_t>(type);
        EXPECT_EQ(told(kPeer, {t, 0, 0}).has_value(), type == 3 || type == 11) << type;
        EXPECT_EQ(told(kPeer6, {t, 0, 0}).has_value(), type >= 1 && type <= 3) << type;
        ASSERT_TRUE(client.permit({kPeer, kPeer6})->success());
    }
    EXPECT_EQ(node.server.counters().dropped_icmp, 2U * 128 - 5);
}

// §18.13: the next hop's MTU where the datagram was too big, else zero.
TEST_F(Icmp, TellsTheMtuWhereThatIsTheTrouble) {
    EXPECT_EQ(icmp_of(*told(kPeer, {3, 4, 1280})).data, 1280U);
    EXPECT_EQ(icmp_of(*told(kPeer6, {2, 0, 1280})).data, 1280U);
    EXPECT_EQ(icmp_of(*told(kPeer, {3, 1, 1280})).data, 0U);
    EXPECT_EQ(icmp_of(*told(kPeer, {11, 4, 1280})).data, 0U);
    EXPECT_EQ(icmp_of(*told(kPeer6, {1, 4, 1280})).data, 0U);
}

// §11.5: nothing about peers that have no permission, or none any more.
TEST_F(Icmp, IsSilentWithoutAPermission) {
    EXPECT_FALSE(told("93.184.216.35:5000", {3, 3, 0}));
    EXPECT_TRUE(told("93.184.216.34:9", {3, 3, 0}));  // a permission has no port
    node.pass(300s);
    EXPECT_FALSE(told(kPeer, {3, 3, 0}));
    EXPECT_EQ(node.server.counters().dropped_no_permission, 2U);
}

TEST_F(Icmp, IsSilentAboutAnAllocationThatIsGone) {
    const core::RelayId relay = client.relay();
    ASSERT_TRUE(client.refresh(0)->success());
    node.server.on_icmp(relay, at(kPeer), {3, 3, 0}, node.now, node.out);
    EXPECT_TRUE(node.out.empty());
}

// A closed port answers each datagram; the client hears of it some times per second.
TEST_F(Icmp, IsBoundedInRate) {
    std::size_t heard = 0;
    for (int i = 0; i < 1000; ++i) {
        if (told(kPeer, {3, 3, 0})) ++heard;
        node.pass(1ms);
    }
    EXPECT_GE(heard, 20U);
    EXPECT_LE(heard, 30U);
    EXPECT_EQ(node.server.counters().dropped_icmp, 1000 - heard);
    node.pass(2s);
    EXPECT_TRUE(told(kPeer, {3, 3, 0}));
}

// The peer is a relayed address of this node: the client knows its public form.
TEST_F(Icmp, NamesOurOwnAddressesAsTheWorldDoes) {
    TurnClient other{node, "192.0.2.9:9"};
    const Endpoint relayed = other.allocate()->relayed()[0];
    ASSERT_TRUE(client.permit({relayed.to_string()})->success());
    const Endpoint local{ip("10.0.0.5"), relayed.port};
    EXPECT_EQ(told(local.to_string(), {3, 3, 0})->address(Attribute::XorPeerAddress), relayed);
}

}  // namespace
}  // namespace turnpike::test
