#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kOther = "93.184.216.35:5000";

class Channel : public ::testing::Test {
protected:
    Channel() { EXPECT_TRUE(client.allocate()->success()); }

    TurnNode node;
    TurnClient client{node};
};

// RFC 8656 §12: data by number, both ways.
TEST_F(Channel, CarriesDataByNumber) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    const auto out = client.channel_data(0x4000);
    ASSERT_TRUE(out);
    EXPECT_EQ(out->peer, at(kPeer));
    EXPECT_EQ(out->relay, client.relay());
    const auto in = client.from_peer(kPeer);
    ASSERT_TRUE(in);
    EXPECT_EQ(in->channel.value(), 0x4000);
    EXPECT_EQ(in->peer, at(kPeer));
    EXPECT_EQ(in->path->tuple, client.path.tuple);
    EXPECT_EQ(in->path->link, client.path.link);
}

// Assertion 104: another port of the peer has the permission, not the channel.
TEST_F(Channel, IsForOnePortOfThePeer) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    const auto other_port = client.from_peer("93.184.216.34:5001");
    ASSERT_TRUE(other_port);
    EXPECT_FALSE(other_port->channel);
    EXPECT_EQ(other_port->peer, at("93.184.216.34:5001"));
    EXPECT_FALSE(client.from_peer(kOther));
}

TEST_F(Channel, DropsDataOnAnUnboundNumber) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    EXPECT_FALSE(client.channel_data(0x4001));
    EXPECT_EQ(node.server.counters().dropped_no_channel, 1U);
    TurnClient stranger{node, "192.0.2.9:9"};
    EXPECT_FALSE(stranger.channel_data(0x4000));
    EXPECT_EQ(node.server.counters().dropped_no_allocation, 1U);
}

// RFC 8656 §12: 0x4000 to 0x4FFF; RFC 5766 went to 0x7FFF.
TEST_F(Channel, HasNumbersInItsRange) {
    const std::pair<std::uint16_t, int> cases[] = {{0, 400},      {0x3FFF, 400}, {0x4000, 0},   {0x4FFF, 0},
                                                   {0x5000, 400}, {0x7FFF, 400}, {0xFFFF, 400}};
    std::uint16_t port = 5000;
    for (const auto& [number, code] : cases) {
        EXPECT_EQ(client.bind(number, Endpoint{ip("93.184.216.34"), ++port})->code(), code) << number;
    }
}

TEST(ChannelRange, GoesFurtherForOldClients) {
    NodeOptions options;
    options.config.channel_range = stun::ChannelRange::Rfc5766;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    EXPECT_TRUE(client.bind(0x7FFF, kPeer)->success());
    EXPECT_EQ(client.bind(0x8000, kOther)->code(), 400);
    EXPECT_TRUE(client.channel_data(0x7FFF));
}

// RFC 8656 §12.2: what is missing or cannot be read is 400.
TEST_F(Channel, NeedsNumberAndPeer) {
    const auto code = [&](const Fill& fill) { return client.request(Method::ChannelBind, fill)->code(); };
    EXPECT_EQ(code([](auto& m) { m.u16(Attribute::ChannelNumber, 0x4000); }), 400);
    EXPECT_EQ(code([](auto& m) { m.xor_address(Attribute::XorPeerAddress, at(kPeer)); }), 400);
    EXPECT_EQ(code([](auto& m) {
                  m.bytes(Attribute::ChannelNumber, Bytes{0x40, 0}).xor_address(Attribute::XorPeerAddress, at(kPeer));
              }),
              400);
    EXPECT_EQ(code([](auto& m) {
                  m.u16(Attribute::ChannelNumber, 0x4000).bytes(Attribute::XorPeerAddress, Bytes(8));
              }),
              400);
    TurnClient stranger{node, "192.0.2.9:9"};
    EXPECT_EQ(stranger.bind(0x4000, kPeer)->code(), 437);
}

// RFC 8656 §12.2: a number names one peer and a peer has one number, until the binding expires.
TEST_F(Channel, BelongsToOnePeerAndThePeerToIt) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    EXPECT_EQ(client.bind(0x4000, kOther)->code(), 400);
    EXPECT_EQ(client.bind(0x4001, kPeer)->code(), 400);
    EXPECT_TRUE(client.bind(0x4000, kPeer)->success());
    EXPECT_TRUE(client.bind(0x4001, kOther)->success());
}

// RFC 8656 §12: ten minutes; the permission that came with it five.
TEST_F(Channel, LastsTenMinutes) {
    ASSERT_TRUE(client.refresh(3600)->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(600s - 1ns);
    ASSERT_TRUE(client.permit({kPeer})->success());
    EXPECT_TRUE(client.channel_data(0x4000));
    EXPECT_EQ(client.from_peer(kPeer)->channel.value(), 0x4000);
    EXPECT_EQ(client.bind(0x4000, kOther)->code(), 400);
    node.pass(1ns);
    EXPECT_FALSE(client.channel_data(0x4000));
    EXPECT_FALSE(client.from_peer(kPeer)->channel);  // as a Data indication while the permission lives
    EXPECT_TRUE(client.bind(0x4000, kOther)->success());
    EXPECT_TRUE(client.bind(0x4001, kPeer)->success());
    EXPECT_EQ(client.from_peer(kPeer)->channel.value(), 0x4001);
    EXPECT_EQ(client.from_peer(kOther)->channel.value(), 0x4000);
}

TEST_F(Channel, IsRestartedByBindingItAgain) {
    ASSERT_TRUE(client.refresh(3600)->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(599s);
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(299s);
    EXPECT_TRUE(client.channel_data(0x4000));
}

// RFC 8656 §9: nothing passes without a permission, by channel or not; and data refreshes nothing.
TEST_F(Channel, CarriesNothingOnceThePermissionIsOver) {
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(300s - 1ns);
    EXPECT_TRUE(client.channel_data(0x4000));
    EXPECT_TRUE(client.from_peer(kPeer));
    node.pass(1ns);
    EXPECT_FALSE(client.channel_data(0x4000));
    EXPECT_FALSE(client.from_peer(kPeer));
    EXPECT_EQ(node.server.counters().dropped_no_permission, 2U);
    ASSERT_TRUE(client.permit({kPeer})->success());
    EXPECT_TRUE(client.channel_data(0x4000));
}

// A new number of a peer replaces an expired one for good.
TEST_F(Channel, ForgetsAnExpiredNumberOfThePeer) {
    ASSERT_TRUE(client.refresh(3600)->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    node.pass(600s);
    ASSERT_TRUE(client.bind(0x4005, kPeer)->success());
    ASSERT_TRUE(client.bind(0x4000, kOther)->success());
    EXPECT_EQ(client.from_peer(kPeer)->channel.value(), 0x4005);
    EXPECT_EQ(client.channel_data(0x4000)->peer, at(kOther));
}

TEST_F(Channel, RefusesDeniedPeersAndForeignFamilies) {
    EXPECT_EQ(client.bind(0x4000, "127.0.0.1:5000")->code(), 403);
    EXPECT_EQ(client.bind(0x4000, "169.254.169.254:443")->code(), 403);
    EXPECT_EQ(client.bind(0x4000, "[2a00:1450::1]:5000")->code(), 443);
    EXPECT_FALSE(client.channel_data(0x4000));
}

// Security 4.5: no low peer ports but 443.
TEST_F(Channel, RefusesLowPeerPorts) {
    const std::pair<std::uint16_t, int> cases[] = {{0, 403},   {1, 403},    {53, 403},  {442, 403},
                                                   {443, 0},   {444, 403},  {1023, 403}, {1024, 0}};
    std::uint16_t number = 0x4000;
    for (const auto& [port, code] : cases) {
        EXPECT_EQ(client.bind(number++, Endpoint{ip("93.184.216.34"), port})->code(), code) << port;
    }
    ASSERT_TRUE(client.permit({kPeer})->success());
    client.indicate("93.184.216.34:53", "dns");
    client.indicate("93.184.216.34:0", "nothing");
    EXPECT_TRUE(node.datagrams.empty());
    EXPECT_EQ(node.server.counters().dropped_policy, 2U);
}

// T12.
TEST(ChannelLimit, Answers508BeyondIt) {
    NodeOptions options;
    options.config.channels_max = 2;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    ASSERT_TRUE(client.refresh(3600)->success());
    ASSERT_TRUE(client.bind(0x4000, kPeer)->success());
    ASSERT_TRUE(client.bind(0x4001, kOther)->success());
    EXPECT_EQ(client.bind(0x4002, "93.184.216.36:5000")->code(), 508);
    EXPECT_TRUE(client.bind(0x4001, kOther)->success());
    node.pass(600s);
    EXPECT_TRUE(client.bind(0x4002, "93.184.216.36:5000")->success());
}

}  // namespace
}  // namespace turnpike::test
