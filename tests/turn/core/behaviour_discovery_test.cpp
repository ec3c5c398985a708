#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

// RFC 5780, assertions 121 and 122.

namespace turnpike::test {
namespace {

constexpr std::string_view kFirst = "192.0.2.100:3478", kOtherPort = "192.0.2.100:3479",
                           kOtherAddress = "192.0.2.101:3478", kBoth = "192.0.2.101:3479";

NodeOptions two_addresses() {
    NodeOptions options;
    options.config.listeners = {{"turnpike", Transport::Udp, at(kFirst)},
                                {"turnpike", Transport::Udp, at(kOtherPort)},
                                {"turnpike", Transport::Udp, at(kOtherAddress)},
                                {"turnpike", Transport::Udp, at(kBoth)},
                                {"turnpike", Transport::Tcp, at(kFirst)},
                                {"turnpike", Transport::Udp, at("192.0.2.100:5000")}};
    options.config.behaviour_discovery = {{ip("192.0.2.100"), ip("192.0.2.101")}, {3478, 3479}};
    return options;
}

Endpoint plain_address(const Answer& answer, Attribute type) {
    return stun::decode_address(answer.view().find(type).value()).value();
}

Fill change(std::uint32_t flags) {
    return [=](auto& m) { m.u32(Attribute::ChangeRequest, flags); };
}
Fill response_port(std::uint16_t port) {
    return [=](auto& m) { m.u16(Attribute::ResponsePort, port); };
}
Fill padding(std::size_t size) {
    return [=](auto& m) { m.bytes(Attribute::Padding, Bytes(size, 'x')); };
}

TEST(BehaviourDiscovery, SaysWhereTheAnswerComesFromAndWhatElseThereIs) {
    TurnNode node{two_addresses()};
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(plain_address(*answer, Attribute::ResponseOrigin), at(kFirst));
    EXPECT_EQ(plain_address(*answer, Attribute::OtherAddress), at(kBoth));
    EXPECT_EQ(answer->address(Attribute::XorMappedAddress), client.path.tuple.client);
    EXPECT_EQ(answer->path.tuple, client.path.tuple);
}

TEST(BehaviourDiscovery, IsOffWhereItIsNotConfigured) {
    TurnNode off;
    TurnClient stranger{off};
    const auto plain = stranger.send(stranger.plain(Method::Binding));
    ASSERT_TRUE(plain && plain->success());
    EXPECT_FALSE(plain->has(Attribute::ResponseOrigin) || plain->has(Attribute::OtherAddress));
    for (const Fill& fill : {change(6), response_port(9), padding(8)}) {
        const auto refused = stranger.send(stranger.plain(Method::Binding, fill));
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->code(), 420);
    }

    // Nor is it on at a listener beside the four.
    TurnNode node{two_addresses()};
    TurnClient client{node};
    client.path.tuple.server.port = 5000;
    client.path.listener = 5;
    EXPECT_FALSE(client.send(client.plain(Method::Binding))->has(Attribute::ResponseOrigin));
    EXPECT_EQ(client.send(client.plain(Method::Binding, change(2)))->code(), 420);
}

// §6.1: the answer leaves from the socket that the flags name.
TEST(BehaviourDiscovery, HonoursChangeRequestFromEachSocket) {
    TurnNode node{two_addresses()};
    const std::string_view sockets[] = {kFirst, kOtherPort, kOtherAddress, kBoth};
    for (std::size_t from = 0; from < 4; ++from) {
        for (const std::uint32_t flags : {0U, 2U, 4U, 6U}) {
            TurnClient client{node};
            client.path.tuple.server = at(sockets[from]);
            client.path.listener = static_cast<std::uint16_t>(from);
            const auto answer = client.send(client.plain(Method::Binding, change(flags)));
            ASSERT_TRUE(answer && answer->success());
            const std::size_t expected = from ^ (flags >> 1);
            EXPECT_EQ(answer->path.tuple.server, at(sockets[expected])) << from << ' ' << flags;
            EXPECT_EQ(answer->path.listener, expected);
            EXPECT_EQ(answer->path.tuple.client, client.path.tuple.client);
            EXPECT_EQ(plain_address(*answer, Attribute::ResponseOrigin), at(sockets[expected]));
            EXPECT_EQ(plain_address(*answer, Attribute::OtherAddress), at(sockets[from ^ 3]))
                << "the other one of where the request came in";
        }
    }
}

TEST(BehaviourDiscovery, AnswersFromAWildcardListenerToo) {
    NodeOptions options = two_addresses();
    options.config.listeners = {{"turnpike", Transport::Udp, at("0.0.0.0:3478")},
                                {"turnpike", Transport::Udp, at("0.0.0.0:3479")}};
    TurnNode node{options};
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding, change(6)));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(answer->path.tuple.server, at(kBoth));
    EXPECT_EQ(answer->path.listener, 1);
}

// §6.1: with no alternate address there is nothing to change to.
TEST(BehaviourDiscovery, WithOneAddressSaysTheOriginOnly) {
    NodeOptions options = two_addresses();
    options.config.behaviour_discovery.addresses = {ip("192.0.2.100")};
    TurnNode node{options};
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(plain_address(*answer, Attribute::ResponseOrigin), at(kFirst));
    EXPECT_FALSE(answer->has(Attribute::OtherAddress));
    for (const std::uint32_t flags : {2U, 4U, 6U}) {
        const auto refused = client.send(client.plain(Method::Binding, change(flags)));
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->code(), 420);
        EXPECT_EQ(load_u16(refused->view().find(Attribute::UnknownAttributes).value(), 0), 0x0003);
    }
    EXPECT_TRUE(client.send(client.plain(Method::Binding, response_port(41'000)))->success());
}

TEST(BehaviourDiscovery, TakesPortsOfAnotherFamilyForNoAlternate) {
    NodeOptions options = two_addresses();
    options.config.behaviour_discovery.addresses = {ip("192.0.2.100"), ip("2001:db8::64")};
    TurnNode node{options};
    TurnClient client{node};
    EXPECT_FALSE(client.send(client.plain(Method::Binding))->has(Attribute::OtherAddress));
}

TEST(BehaviourDiscovery, OverTcpChangesNothing) {
    TurnNode node{two_addresses()};
    TurnClient client{node, "192.0.2.1:40000", Transport::Tcp};
    client.path.listener = 4;
    const auto answer = client.send(client.plain(Method::Binding));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(plain_address(*answer, Attribute::ResponseOrigin), at(kFirst));
    EXPECT_FALSE(answer->has(Attribute::OtherAddress)) << "no TCP listener is there";
    for (const Fill& fill : {change(0), change(6), response_port(9), padding(8)}) {
        const auto refused = client.send(client.plain(Method::Binding, fill));
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->code(), 420);
    }
}

TEST(BehaviourDiscovery, SendsToTheResponsePort) {
    TurnNode node{two_addresses()};
    TurnClient client{node};
    const Fill two_bytes = [](auto& m) {
        std::array<std::uint8_t, 2> port{};
        store_u16(port, 0, 41'000);
        m.bytes(Attribute::ResponsePort, port);
    };
    for (const Fill& fill : {response_port(41'000), two_bytes}) {
        const auto answer = client.send(client.plain(Method::Binding, fill));
        ASSERT_TRUE(answer && answer->success());
        EXPECT_EQ(answer->path.tuple.client, at("192.0.2.1:41000"));
        EXPECT_EQ(answer->address(Attribute::XorMappedAddress), at("192.0.2.1:40000"))
            << "where it really came from";
    }
    const Fill three = [](auto& m) { m.bytes(Attribute::ResponsePort, Bytes(3, 1)); };
    for (const Fill& fill : {response_port(0), three}) {
        const auto refused = client.send(client.plain(Method::Binding, fill));
        ASSERT_TRUE(refused);
        EXPECT_EQ(refused->code(), 400);
        EXPECT_EQ(refused->path.tuple, client.path.tuple)
            << "a refusal goes where the request came from";
    }
}

TEST(BehaviourDiscovery, RefusesPaddingWithAResponsePort) {
    TurnNode node{two_addresses()};
    TurnClient client{node};
    const auto refused = client.send(client.plain(Method::Binding, [](auto& m) {
        padding(100)(m);
        response_port(41'000)(m);
    }));
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code(), 400);
}

TEST(BehaviourDiscovery, PadsTheAnswerButNeverPastTheRequest) {
    TurnNode node{two_addresses()};
    TurnClient client{node};
    for (const std::size_t size : {0U, 4U, 35U, 36U, 37U, 100U, 1472U, 1500U, 1600U, 4000U}) {
        for (const bool fingerprint : {false, true}) {
            const Bytes request = client.plain(Method::Binding, [&](auto& m) {
                padding(size)(m);
                if (fingerprint) m.fingerprint();
            });
            const auto answer = client.send(request);
            ASSERT_TRUE(answer && answer->success()) << size;
            ASSERT_TRUE(answer->has(Attribute::Padding)) << size;
            const std::size_t bare = 20 + 3 * 12 + 4 + (fingerprint ? 8 : 0);
            EXPECT_LE(answer->bytes.size(), std::max(request.size(), bare)) << size;
            EXPECT_LE(answer->view().find(Attribute::Padding)->size(), 1500U);
            if (size >= 1472 && size <= 1500) {
                EXPECT_EQ(answer->bytes.size(), request.size()) << "fragmented as the request was";
            }
        }
    }
}

// Behind a one-to-one NAT only the public form means anything to a client.
TEST(BehaviourDiscovery, ShowsPublicAddresses) {
    NodeOptions options;
    options.relays = {{ip("10.0.0.5"), ip("203.0.113.7")}, {ip("10.0.0.6"), ip("203.0.113.8")}};
    options.config.listeners = {{"turnpike", Transport::Udp, at("10.0.0.5:3478")},
                                {"turnpike", Transport::Udp, at("10.0.0.5:3479")},
                                {"turnpike", Transport::Udp, at("10.0.0.6:3478")},
                                {"turnpike", Transport::Udp, at("10.0.0.6:3479")}};
    options.config.behaviour_discovery = {{ip("10.0.0.5"), ip("10.0.0.6")}, {3478, 3479}};
    TurnNode node{options};
    TurnClient client{node};
    client.path.tuple.server = at("10.0.0.5:3478");
    const auto answer = client.send(client.plain(Method::Binding, change(4)));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(plain_address(*answer, Attribute::ResponseOrigin), at("203.0.113.8:3478"));
    EXPECT_EQ(plain_address(*answer, Attribute::OtherAddress), at("203.0.113.8:3479"));
    EXPECT_EQ(answer->path.tuple.server, at("10.0.0.6:3478")) << "the socket's own address";
}

// What else is unknown is listed as ever, and nothing is changed for it.
TEST(BehaviourDiscovery, ListsOtherUnknownAttributes) {
    TurnNode node{two_addresses()};
    TurnClient client{node};
    const auto answer = client.send(client.plain(Method::Binding, [](auto& m) {
        change(6)(m);
        m.raw(0x7FFF, {});
    }));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code(), 420);
    const ByteView listed = answer->view().find(Attribute::UnknownAttributes).value();
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(load_u16(listed, 0), 0x7FFF);
    EXPECT_EQ(answer->path.tuple, client.path.tuple);
}

TEST(BehaviourDiscovery, AmplifiesWithinWhatTheConfigurationSays) {
    NodeOptions options = two_addresses();
    options.config.listeners.push_back({"turnpike", Transport::Udp, at("[2001:db8::64]:3478")});
    options.config.listeners.push_back({"turnpike", Transport::Udp, at("[2001:db8::65]:3479")});
    options.config.behaviour_discovery.addresses.push_back(ip("2001:db8::64"));
    options.config.behaviour_discovery.addresses.push_back(ip("2001:db8::65"));
    TurnNode node{options};
    TurnClient four{node}, six{node, "[2001:db8::9]:1"};
    EXPECT_EQ(four.send(four.plain(Method::Binding))->bytes.size(), 56U);
    EXPECT_EQ(six.send(six.plain(Method::Binding))->bytes.size(), 92U);
}

}  // namespace
}  // namespace turnpike::test
