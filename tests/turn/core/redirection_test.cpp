#include "turn/core/redirection.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

// RFC 8489 §10: 300 with ALTERNATE-SERVER (assertions 47 to 49).

namespace turnpike::test {
namespace {

using core::Redirection;

FiveTuple tuple(std::string_view client, std::string_view server,
                Transport transport = Transport::Udp) {
    return {at(client), at(server), transport};
}

Redirection among(std::initializer_list<std::string_view> servers,
                  std::initializer_list<std::string_view> self, std::string domain = {}) {
    std::vector<Endpoint> list, own;
    for (const auto text : servers) list.push_back(at(text));
    for (const auto text : self) own.push_back(at(text));
    return {{list, list}, own, std::move(domain)};
}

TEST(Redirection, OfNoListSendsNobodyAway) {
    EXPECT_FALSE(Redirection{}.of(tuple("192.0.2.1:1", "192.0.2.9:3478"), "turnpike", "alice"));
}

// The nodes of one list agree: whoever is sent on arrives where he stays.
TEST(Redirection, SendsEachUserOnOnceAtMost) {
    const std::initializer_list<std::string_view> nodes = {"192.0.2.10:3478", "192.0.2.11:3478",
                                                           "192.0.2.12:3478"};
    std::map<std::string_view, int> users;
    for (int i = 0; i < 300; ++i) {
        const std::string user = "user" + std::to_string(i);
        for (const std::string_view first : nodes) {
            const auto next =
                among(nodes, {first}).of(tuple("192.0.2.1:1", first), "turnpike", user);
            if (!next) {
                ++users[first];
                continue;
            }
            const std::string second = next->server.to_string();
            EXPECT_NE(second, first);
            EXPECT_FALSE(among(nodes, {second}).of(tuple("192.0.2.1:1", second), "turnpike", user));
        }
    }
    for (const std::string_view node : nodes) EXPECT_NEAR(users[node], 100, 40) << node;
}

// Assertion 49: whichever of its own names is listed.
TEST(Redirection, NeverSendsAnybodyToItself) {
    const auto self = among({"203.0.113.7:3478"}, {"10.0.0.5:3478", "203.0.113.7:3478"});
    const auto unknown = among({"192.0.2.9:3478"}, {});
    for (int i = 0; i < 50; ++i) {
        const std::string user = std::to_string(i);
        EXPECT_FALSE(self.of(tuple("192.0.2.1:1", "10.0.0.5:3478"), "turnpike", user));
        EXPECT_FALSE(unknown.of(tuple("192.0.2.1:1", "192.0.2.9:3478"), "turnpike", user));
    }
    EXPECT_TRUE(unknown.of(tuple("192.0.2.1:1", "192.0.2.9:3479"), "turnpike", "alice"));
}

// §14.15: the family of the request's source.
TEST(Redirection, StaysInTheClientsFamily) {
    const auto both = among({"192.0.2.10:3478", "[2001:db8::10]:3478"}, {});
    EXPECT_EQ(both.of(tuple("192.0.2.1:1", "192.0.2.9:1"), "r", "u")->server,
              at("192.0.2.10:3478"));
    EXPECT_EQ(both.of(tuple("[2001:db8::1]:1", "[2001:db8::9]:1"), "r", "u")->server,
              at("[2001:db8::10]:3478"));
    EXPECT_FALSE(
        among({"192.0.2.10:3478"}, {}).of(tuple("[2001:db8::1]:1", "[2001:db8::9]:1"), "r", "u"));
}

class RedirectingNode : public ::testing::Test {
protected:
    static NodeOptions options() {
        NodeOptions with;
        with.config.redirection = {
            {{at("198.51.100.1:3478"), at("[2001:db8::99]:3478")}, {at("198.51.100.1:5349")}},
            {at("192.0.2.100:3478")},
            "turn2.example.org"};
        return with;
    }
    TurnNode node{options()};
};

// Assertion 47: only after authentication, protected.
TEST_F(RedirectingNode, TellsWhoIsAuthenticated) {
    TurnClient client{node};
    EXPECT_EQ(client.send(client.plain(Method::Allocate, TurnClient::transport_udp))->code(), 401);
    const auto answer = client.allocate();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code(), 300);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
    EXPECT_EQ(stun::decode_address(answer->view().find(Attribute::AlternateServer).value()),
              at("198.51.100.1:3478"));
    EXPECT_FALSE(answer->has(Attribute::AlternateDomain));
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_EQ(node.shared->quota.total(), 0U);
    client.password = "wrong";
    EXPECT_EQ(client.allocate()->code(), 401);
    client.password = "wonderland";
    client.algorithm = stun::PasswordAlgorithm::Sha256;
    const auto strong = client.allocate();
    EXPECT_EQ(strong->code(), 300);
    EXPECT_TRUE(
        stun::verify_message_integrity_sha256(strong->view(), client.key_of(*client.algorithm)));
}

// Assertion 48: over TLS and DTLS the certificate will have another name.
TEST_F(RedirectingNode, NamesTheDomainOnTls) {
    for (const Transport transport : {Transport::Tls, Transport::Dtls}) {
        TurnClient client{node, "192.0.2.1:40000", transport};
        const auto answer = client.allocate();
        ASSERT_EQ(answer->code(), 300);
        EXPECT_EQ(stun::decode_address(answer->view().find(Attribute::AlternateServer).value()),
                  at("198.51.100.1:5349"));
        EXPECT_EQ(answer->text(Attribute::AlternateDomain), "turn2.example.org");
    }
    TurnClient six{node, "[2001:db8::1]:1"};
    EXPECT_EQ(stun::decode_address(six.allocate()->view().find(Attribute::AlternateServer).value()),
              at("[2001:db8::99]:3478"));
}

// Binding is nobody's, an expired credential is 401 first.
TEST_F(RedirectingNode, RedirectsNothingElse) {
    TurnClient client{node};
    EXPECT_TRUE(client.send(client.plain(Method::Binding))->success());
    EXPECT_EQ(client.refresh(0)->code(), 437);
}

}  // namespace
}  // namespace turnpike::test
