#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kOther = "93.184.216.35:5000";

class SendIndication : public ::testing::Test {
protected:
    SendIndication() {
        EXPECT_TRUE(client.allocate()->success());
        EXPECT_TRUE(client.permit({kPeer})->success());
        answers = node.answers.size();
    }
    ~SendIndication() override { EXPECT_EQ(node.answers.size(), answers); }  // nobody is told anything
    void send(const Fill& fill) { client.send(client.plain(Method::Send, fill, Class::Indication)); }

    TurnNode node;
    TurnClient client{node};
    std::size_t answers = 0;
};

// RFC 8656 §11.2.
TEST_F(SendIndication, SendsItsDataToThePeer) {
    client.indicate(kPeer, "hello");
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_EQ(node.datagrams[0].peer, at(kPeer));
    EXPECT_EQ(node.datagrams[0].relay, client.relay());
    EXPECT_EQ(as_text(node.datagrams[0].payload), "hello");
    EXPECT_FALSE(node.datagrams[0].dont_fragment);
    EXPECT_EQ(node.server.list(node.now)[0].traffic.bytes_to_peer, 5U);
    EXPECT_EQ(node.server.counters().traffic.packets_to_peer, 1U);
}

// Assertion 90: an empty DATA is an empty datagram.
TEST_F(SendIndication, SendsAnEmptyDatagram) {
    client.indicate(kPeer, "");
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_TRUE(node.datagrams[0].payload.empty());
}

TEST_F(SendIndication, PassesDontFragmentOn) {
    client.indicate(kPeer, "x", [](auto& m) { m.flag(Attribute::DontFragment); });
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_TRUE(node.datagrams[0].dont_fragment);
}

// Assertion 89 and 6: what is incomplete, unknown or not permitted is dropped in silence.
TEST_F(SendIndication, IsDroppedWhenSomethingIsMissing) {
    send([](auto& m) { m.text(Attribute::Data, "x"); });
    send([](auto& m) { m.xor_address(Attribute::XorPeerAddress, at(kPeer)); });
    send([](auto& m) { m.bytes(Attribute::XorPeerAddress, Bytes(7)).text(Attribute::Data, "x"); });
    client.indicate(kPeer, "x", [](auto& m) { m.raw(0x7ABC, {}); });
    EXPECT_EQ(node.server.counters().dropped_malformed, 4U);
    client.indicate(kOther, "x");
    client.indicate("[2a00:1450::1]:5000", "x");
    EXPECT_EQ(node.server.counters().dropped_no_permission, 2U);
    TurnClient stranger{node, "192.0.2.9:9"};
    stranger.indicate(kPeer, "x");
    EXPECT_EQ(node.server.counters().dropped_no_allocation, 1U);
    EXPECT_TRUE(node.datagrams.empty());
    client.indicate(kPeer, "x", [](auto& m) { m.raw(0xC057, {}); });
    EXPECT_EQ(node.datagrams.size(), 1U);
}

// T17: the first of two peers counts.
TEST_F(SendIndication, GoesToTheFirstPeer) {
    ASSERT_TRUE(client.permit({kOther})->success());
    answers = node.answers.size();
    client.indicate(kPeer, "x", [](auto& m) { m.xor_address(Attribute::XorPeerAddress, at(kOther)); });
    ASSERT_EQ(node.datagrams.size(), 1U);
    EXPECT_EQ(node.datagrams[0].peer, at(kPeer));
}

TEST_F(SendIndication, IsDroppedAfterTheAllocation) {
    node.pass(600s);
    client.indicate(kPeer, "x");
    EXPECT_TRUE(node.datagrams.empty());
    EXPECT_EQ(node.server.counters().dropped_no_allocation, 1U);
}

}  // namespace
}  // namespace turnpike::test
