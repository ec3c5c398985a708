#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

// RFC 8489 §9.2 and §14.4, username anonymity (assertion 39).

namespace turnpike::test {
namespace {

std::string nonce_of(TurnNode& node) {
    TurnClient client{node, "192.0.2.77:7"};
    client.learn(client.send(client.plain(Method::Allocate, TurnClient::transport_udp)));
    return client.nonce;
}

TEST(Userhash, NamesAStaticUser) {
    TurnNode node;
    TurnClient client{node};
    client.anonymous = true;
    const auto answer = client.allocate();
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(node.begun_allocations.back().username, "alice");
    EXPECT_FALSE(answer->has(Attribute::Username));
    EXPECT_FALSE(answer->has(Attribute::Userhash));
    EXPECT_TRUE(client.permit({"93.184.216.34:1"})->success());
    client.algorithm = stun::PasswordAlgorithm::Sha256;
    EXPECT_TRUE(client.refresh()->success());
    client.anonymous = false;  // the same user, by name
    EXPECT_TRUE(client.refresh()->success());
    client.anonymous = true;
    client.username = "bob";
    client.password = "builder";
    EXPECT_EQ(client.refresh()->code(), 441);
}

TEST(Userhash, OfNobodyIsRefused) {
    TurnNode node;
    TurnClient client{node};
    client.anonymous = true;
    client.username = "nobody";
    EXPECT_EQ(client.allocate()->code(), 401);
    client.username = "alice";
    client.password = "wrong";
    EXPECT_EQ(client.allocate()->code(), 401);
    for (const std::size_t size : {0U, 20U, 31U, 33U}) {
        const auto answer = client.send(client.plain(Method::Allocate, [&](auto& m) {
            TurnClient::transport_udp(m);
            m.bytes(Attribute::Userhash, Bytes(size, 0xAB));
            m.text(Attribute::Realm, client.realm).text(Attribute::Nonce, client.nonce);
            m.message_integrity(client.key());
        }));
        EXPECT_EQ(answer->code(), 401) << size;
    }
}

// Another realm is another hash.
TEST(Userhash, IsOfTheListenersRealm) {
    TurnNode node;
    TurnClient tcp{node, "192.0.2.1:40000", Transport::Tcp};
    tcp.path.listener = 1;
    tcp.anonymous = true;
    ASSERT_TRUE(tcp.allocate()->success());
    EXPECT_EQ(tcp.realm, "other.example");
    const Bytes request = tcp.plain(Method::Refresh, [&](auto& m) {
        m.bytes(Attribute::Userhash, stun::userhash(tcp.username, "turnpike"));
        m.text(Attribute::Realm, tcp.realm)
            .text(Attribute::Nonce, tcp.nonce)
            .message_integrity(tcp.key());
    });
    EXPECT_EQ(tcp.send(request)->code(), 401);
}

// The bit is there only while there is somebody to find; without it a hash is nobody's (security 6,
// row 42).
TEST(Userhash, IsOfferedOnlyWithStaticUsers) {
    TurnNode some;
    EXPECT_TRUE(nonce_of(some).starts_with("obMatJos2wAAA"));
    NodeOptions options;
    options.config.userhash = false;
    TurnNode off{options};
    EXPECT_TRUE(nonce_of(off).starts_with("obMatJos2gAAA"));
    TurnClient client{off};
    client.anonymous = true;
    EXPECT_EQ(client.allocate()->code(), 401);

    options.config.userhash = true;
    options.users.clear();
    TurnNode none{options};
    EXPECT_TRUE(nonce_of(none).starts_with("obMatJos2gAAA"));
    options.config.sha256 = core::Config::Sha256::Off;
    TurnNode plain{options};
    EXPECT_EQ(nonce_of(plain).size(), 15U);
    options.users = {{"alice", Secret{std::string_view{"wonderland"}}}};
    TurnNode alone{options};
    EXPECT_TRUE(nonce_of(alone).starts_with("obMatJos2QAAA"));
    TurnClient hidden{alone};
    hidden.anonymous = true;
    EXPECT_TRUE(hidden.allocate()->success());
}

// A user who is removed keeps what lives, under the hash too.
TEST(Userhash, FindsItsLiveAllocation) {
    TurnNode node;
    TurnClient client{node};
    client.anonymous = true;
    ASSERT_TRUE(client.allocate()->success());
    node.server.set_credentials(std::make_shared<core::CredentialChain>(
        std::vector<core::StaticUser>{}, std::vector<crypto::RestSecret>{}, crypto::Capability{}));
    EXPECT_TRUE(client.refresh()->success());
    ASSERT_TRUE(client.refresh(0)->success());
    EXPECT_EQ(client.allocate()->code(), 401);
}

}  // namespace
}  // namespace turnpike::test
