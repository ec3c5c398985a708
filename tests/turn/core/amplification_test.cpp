#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"
#include "turn/core/authenticator.hpp"

// Security 5.1 and RFC 9000 §8.1's number: what an unverified source gets back is at most three
// times what it sent, for the default realm "turnpike" (8 characters), our nonce with its cookie
// (28) and both algorithms: a challenge has 20 + 8 + 12 + 32 + 12 = 84 bytes, and none is given for
// less than 28. Binding has 1.6 over IPv4 and 2.2 over IPv6.

namespace turnpike::test {
namespace {

double ratio(const Answer& answer, const Bytes& request) {
    return static_cast<double>(answer.bytes.size()) / static_cast<double>(request.size());
}

NodeOptions unlimited() {
    NodeOptions options;
    options.config.unauthenticated_per_second = options.config.binding_per_second = 0;
    options.config.unauthenticated_network_per_second = 0;
    return options;
}

double bound_of(int method, const TurnClient& client) {
    if (static_cast<Method>(method) != Method::Binding) return 3.0;
    return client.path.tuple.client.address.is_v4() ? 1.6 : 2.2;
}

/// Every method, the known ones and some others, in every class, through `shapes`; the number of
/// answers.
int sweep(TurnClient& client, std::span<const Fill> shapes) {
    int answers = 0;
    for (int method = 0; method <= 0xFFF; method += method < 16 ? 1 : 97) {
        for (int message_class = 0; message_class < 4; ++message_class) {
            for (const Fill& shape : shapes) {
                const Bytes request = client.plain(static_cast<Method>(method), shape,
                                                   static_cast<Class>(message_class));
                const auto answer = client.send(request);
                if (!answer) continue;
                ++answers;
                EXPECT_EQ(message_class, 0);
                EXPECT_LE(ratio(*answer, request), bound_of(method, client) + 1e-9)
                    << "method " << method << ", " << request.size() << " bytes, code "
                    << answer->code();
            }
        }
    }
    return answers;
}

TEST(Amplification, OfBindingIsThatOfItsOneAttribute) {
    TurnNode node{unlimited()};
    TurnClient four{node}, six{node, "[2001:db8::9]:1"};
    const Bytes request = four.plain(Method::Binding);
    EXPECT_DOUBLE_EQ(ratio(*four.send(request), request), 1.6);
    EXPECT_DOUBLE_EQ(ratio(*six.send(request), request), 2.2);
    const Bytes with_fingerprint = four.plain(Method::Binding, [](auto& m) { m.fingerprint(); });
    EXPECT_LE(ratio(*four.send(with_fingerprint), with_fingerprint), 1.6);
    EXPECT_LE(ratio(*six.send(with_fingerprint), with_fingerprint), 2.2);
}

// P9: every shape a stranger may send that means something to us.
TEST(Amplification, OfAnyUnverifiedMessageIsAtMostThree) {
    const Fill shapes[] = {
        {},
        [](auto& m) { m.fingerprint(); },
        TurnClient::transport_udp,
        [](auto& m) {
            TurnClient::transport_udp(m);
            m.fingerprint();
        },
        [](auto& m) { m.bytes(Attribute::RequestedTransport, {}); },
        [](auto& m) { m.raw(0x7FFF, {}); },  // 420
        [](auto& m) {
            for (std::uint16_t i = 0; i < 60; ++i) m.raw(0x7000 + i, {});
        },                                                                 // 420 with a long list
        [](auto& m) { m.bytes(Attribute::MessageIntegrity, Bytes(20)); },  // 400
        [](auto& m) { m.bytes(Attribute::MessageIntegritySha256, Bytes(16)); },
        [](auto& m) {  // 438: the shortest request with a nonce
            m.text(Attribute::Username, "").text(Attribute::Realm, "").text(Attribute::Nonce, "");
            m.bytes(Attribute::MessageIntegritySha256, Bytes(16));
        },
        [](auto& m) { m.flag(Attribute::MobilityTicket); },
        [](auto& m) { m.bytes(Attribute::MobilityTicket, Bytes(40)); },
        [](auto& m) { m.u8(Attribute::RequestedTransport, 6).u32(Attribute::Lifetime, 0); },
    };
    TurnNode node{unlimited()};
    TurnClient four{node}, six{node, "[2001:db8::9]:1"};
    EXPECT_GT(sweep(four, shapes), 400);
    EXPECT_GT(sweep(six, shapes), 400);
    // The 5-tuple of an allocation can be forged as well as any other.
    ASSERT_TRUE(four.allocate()->success());
    EXPECT_GT(sweep(four, shapes), 400);
}

// P9: lengths 20 to 548 in steps of 4, filled with one attribute or with many.
TEST(Amplification, OfEveryLengthIsAtMostThree) {
    std::vector<Fill> shapes;
    for (std::size_t length = 4; length <= 528; length += 4) {
        const std::size_t size = length - 4;
        shapes.push_back([size](auto& m) { m.bytes(Attribute::Data, Bytes(size)); });
        shapes.push_back([size](auto& m) { m.bytes(static_cast<Attribute>(0xC001), Bytes(size)); });
        shapes.push_back([size](auto& m) { m.bytes(Attribute::Username, Bytes(size, 'u')); });
        shapes.push_back([size](auto& m) { m.bytes(Attribute::MessageIntegrity, Bytes(size)); });
        shapes.push_back(
            [size](auto& m) { m.bytes(Attribute::RequestedTransport, Bytes(size, 17)); });
        if (length % 8 == 0) {
            shapes.push_back([size](auto& m) {
                TurnClient::transport_udp(m);
                if (size >= 8) m.bytes(Attribute::Data, Bytes(size - 8));
            });
        }
        if (length <= 256) {
            shapes.push_back([length](auto& m) {
                for (std::size_t i = 0; i < length / 4; ++i)
                    m.raw(static_cast<std::uint16_t>(0x7000 + i), {});
            });
        }
    }
    TurnNode node{unlimited()};
    TurnClient four{node}, six{node, "[2001:db8::9]:1"};
    EXPECT_GT(sweep(four, shapes), 20'000);
    EXPECT_GT(sweep(six, shapes), 20'000);
}

TEST(Amplification, IsExactlyThreeForThePlainestAllocate) {
    TurnNode node;
    TurnClient client{node};
    const Bytes plausible = client.plain(Method::Allocate, TurnClient::transport_udp);
    ASSERT_EQ(plausible.size(), 28U);
    const auto answer = client.send(plausible);
    EXPECT_EQ(answer->code(), 401);
    EXPECT_DOUBLE_EQ(ratio(*answer, plausible), 3.0);
}

// What is computed for --check is what is sent.
TEST(Amplification, IsWhatTheConfigurationSays) {
    using Sha256 = core::Config::Sha256;
    const auto size = [](const NodeOptions& options) {
        TurnNode node{options};
        TurnClient client{node};
        return client.send(client.plain(Method::Allocate, TurnClient::transport_udp))->bytes.size();
    };
    for (const std::string realm :
         {"t", "turnpike", "example.org", "a.rather.long.realm.example"}) {
        NodeOptions options;
        options.config.listeners[0].realm = realm;
        EXPECT_EQ(size(options), core::challenge_size(realm, {true, true}, Sha256::Offer, {}));
        options.config.sha256 = Sha256::Require;
        EXPECT_EQ(size(options), core::challenge_size(realm, {true, true}, Sha256::Require, {}));
        options.third_party.emplace("https://turn.example.org",
                                    std::vector<core::ThirdParty::Key>{});
        EXPECT_EQ(size(options), core::challenge_size(realm, {true, true}, Sha256::Require,
                                                      "https://turn.example.org"));
        options.third_party.reset();
        options.config.sha256 = Sha256::Off;
        options.config.userhash = false;
        EXPECT_EQ(size(options), core::challenge_size(realm, {}, Sha256::Off, {}));
    }
}

}  // namespace
}  // namespace turnpike::test
