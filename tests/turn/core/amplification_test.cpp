#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

// Security 5.1 and RFC 9000 §8.1's number: what an unverified source gets back is at most three times
// what it sent, for the default realm "turnpike" (8 characters) and our nonce (15): a challenge has
// 20 + 8 + 12 + 20 = 60 bytes, and no request is shorter than its 20-byte header.

namespace turnpike::test {
namespace {

double ratio(const Answer& answer, const Bytes& request) {
    return static_cast<double>(answer.bytes.size()) / static_cast<double>(request.size());
}

NodeOptions unlimited() {
    NodeOptions options;
    options.config.unauthenticated_per_second = options.config.binding_per_second = 0;
    return options;
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

// P9: every shape a stranger may send, every method and class, sizes up to a datagram's.
TEST(Amplification, OfAnyUnverifiedMessageIsAtMostThree) {
    TurnNode node{unlimited()};
    TurnClient client{node};
    const Fill shapes[] = {
        {},
        [](auto& m) { m.fingerprint(); },
        TurnClient::transport_udp,
        [](auto& m) { m.raw(0x7FFF, {}); },                                            // 420
        [](auto& m) { for (std::uint16_t i = 0; i < 60; ++i) m.raw(0x7000 + i, {}); },  // 420 with a long list
        [](auto& m) { m.bytes(Attribute::MessageIntegrity, Bytes(20)); },              // 400
        [](auto& m) { m.bytes(Attribute::MessageIntegritySha256, Bytes(16)); },
        [](auto& m) {  // 438: the shortest request with a nonce
            m.text(Attribute::Username, "").text(Attribute::Realm, "").text(Attribute::Nonce, "");
            m.bytes(Attribute::MessageIntegrity, Bytes(20));
        },
        [](auto& m) { m.u8(Attribute::RequestedTransport, 6).u32(Attribute::Lifetime, 0); },
        [](auto& m) { m.bytes(Attribute::Data, Bytes(1000)); },
    };
    int answers = 0;
    for (int method = 0; method <= 0xFFF; method += method < 16 ? 1 : 97) {
        for (int message_class = 0; message_class < 4; ++message_class) {
            for (const Fill& shape : shapes) {
                const Bytes request = client.plain(static_cast<Method>(method), shape, static_cast<Class>(message_class));
                const auto answer = client.send(request);
                if (!answer) continue;
                ++answers;
                EXPECT_EQ(message_class, 0);
                EXPECT_LE(ratio(*answer, request), 3.0) << method << ' ' << request.size();
            }
        }
    }
    EXPECT_GT(answers, 400);
}

TEST(Amplification, IsExactlyThreeForABareHeader) {
    TurnNode node;
    TurnClient client{node};
    const Bytes bare = client.plain(Method::Refresh);
    EXPECT_DOUBLE_EQ(ratio(*client.send(bare), bare), 3.0);
    const Bytes plausible = client.plain(Method::Allocate, TurnClient::transport_udp);
    EXPECT_LE(ratio(*client.send(plausible), plausible), 2.15);
}

}  // namespace
}  // namespace turnpike::test
