#include "turn/core/third_party.hpp"

#include <gtest/gtest.h>

#include "common/crypto/aes_gcm.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/turn_node.hpp"

// RFC 7635, third-party authorization.

namespace turnpike::test {
namespace {

using core::ThirdParty;

constexpr std::string_view kServer = "turn.example.org";
const Secret kKey{std::string_view{"0123456789abcdef0123456789abcdef"}};
const Bytes kSessionKey(20, 0x5A);

struct Token {
    Bytes session_key = kSessionKey;
    WallTime made = from_unix_seconds(1'700'000'000);
    std::uint32_t lifetime = 3600;
    std::string_view server = kServer;
    Secret key = kKey;

    Bytes block() const {
        Bytes plain(2 + session_key.size() + 12);
        store_u16(plain, 0, static_cast<std::uint16_t>(session_key.size()));
        std::ranges::copy(session_key, plain.begin() + 2);
        store_u64(plain, 2 + session_key.size(),
                  static_cast<std::uint64_t>(unix_seconds(made)) << 16);
        store_u32(plain, 10 + session_key.size(), lifetime);
        return plain;
    }
    Bytes sealed(ByteView plain) const {
        const Bytes nonce(12, 0x33);
        Bytes token{0, 12};
        token.insert(token.end(), nonce.begin(), nonce.end());
        const Bytes rest = crypto::aes_gcm_seal(key.reveal(), nonce, as_bytes(server), plain);
        token.insert(token.end(), rest.begin(), rest.end());
        return token;
    }
    Bytes bytes() const { return sealed(block()); }
};

ThirdParty agreed() {
    return {std::string{kServer},
            {{"north", kKey, 24h}, {"south", Secret{std::string_view{"fedcba9876543210"}}, 60s}}};
}

const WallTime kNow = from_unix_seconds(1'700'000'000);

TEST(AccessToken, OpensWithItsKey) {
    const auto token = agreed().open("north", Token{}.bytes(), kNow);
    ASSERT_TRUE(token);
    EXPECT_TRUE(std::ranges::equal(token->session_key.reveal(), kSessionKey));
    EXPECT_EQ(token->expires_at, kNow + 3600s);
    Token small;
    small.key = Secret{std::string_view{"fedcba9876543210"}};
    small.lifetime = 30;
    EXPECT_EQ(agreed().open("south", small.bytes(), kNow)->expires_at, kNow + 30s);
}

// Built by Node's crypto module, not by anything of ours: A256GCM under the key above, nonce
// 000102…0b, server "turn.example.org", session key 0x40…0x53, timestamp 1700000000.5 s, lifetime
// 600.
TEST(AccessToken, OpensWhatAnotherImplementationSealed) {
    const Bytes sealed = from_hex(
        "000c000102030405060708090a0b2df1fb3d9b5b96e9ee9b39f73b849d49a84753d66eef748b458f4ab4c525ac"
        "84bff3eaa0a8d7b1a802be0364981c2efe07b1");
    const auto token = agreed().open("north", sealed, kNow);
    ASSERT_TRUE(token);
    ASSERT_EQ(token->session_key.size(), 20U);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(token->session_key.reveal()[i], 0x40 + i);
    EXPECT_EQ(token->expires_at, kNow + 600s + 500ms);
}

TEST(AccessToken, IsRefusedOnceAnyBitIsChanged) {
    const Bytes good = Token{}.bytes();
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            Bytes bad = good;
            bad[i] = static_cast<std::uint8_t>(bad[i] ^ (1 << bit));
            EXPECT_FALSE(agreed().open("north", bad, kNow)) << i << ' ' << bit;
        }
        EXPECT_FALSE(agreed().open("north", ByteView{good}.first(i), kNow)) << i;
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(agreed().open("north", longer, kNow));
    EXPECT_FALSE(agreed().open("north", Bytes(4096, 0x0C), kNow));
}

TEST(AccessToken, IsForOneServerUnderOneKey) {
    Token other;
    other.server = "turn.example.com";
    EXPECT_FALSE(agreed().open("north", other.bytes(), kNow));
    EXPECT_FALSE(agreed().open("south", Token{}.bytes(), kNow));
    EXPECT_FALSE(agreed().open("west", Token{}.bytes(), kNow));
    EXPECT_FALSE(agreed().open("", Token{}.bytes(), kNow));
}

TEST(AccessToken, HasABeginningAndAnEnd) {
    const Bytes token = Token{}.bytes();
    EXPECT_TRUE(agreed().open("north", token, kNow + 3600s - 1ms));
    EXPECT_FALSE(agreed().open("north", token, kNow + 3600s));
    EXPECT_TRUE(agreed().open("north", token, kNow - 5s));  // clocks differ
    EXPECT_FALSE(agreed().open("north", token, kNow - 5s - 1ms));
    Token none;
    none.lifetime = 0;
    EXPECT_FALSE(agreed().open("north", none.bytes(), kNow));
    Token endless;
    endless.lifetime = UINT32_MAX;
    EXPECT_EQ(agreed().open("north", endless.bytes(), kNow)->expires_at, kNow + 24h);
    endless.made = from_unix_seconds((std::int64_t{1} << 48) - 1);
    EXPECT_FALSE(agreed().open("north", endless.bytes(), kNow));
}

// Whoever has the key can still write nonsense.
TEST(AccessToken, IsRefusedWhenItsBlockIsNoBlock) {
    const Token token;
    Bytes block = token.block();
    block.push_back(0);
    EXPECT_FALSE(agreed().open("north", token.sealed(block), kNow));
    block = token.block();
    store_u16(block, 0, 0xFFFF);
    EXPECT_FALSE(agreed().open("north", token.sealed(block), kNow));
    store_u16(block, 0, 19);
    EXPECT_FALSE(agreed().open("north", token.sealed(block), kNow));
    EXPECT_FALSE(agreed().open("north", token.sealed({}), kNow));
    for (const std::size_t size : {0U, 15U, 65U}) {
        Token odd;
        odd.session_key.assign(size, 1);
        EXPECT_FALSE(agreed().open("north", odd.bytes(), kNow)) << size;
    }
    for (const std::size_t size : {16U, 32U, 64U}) {
        Token fine;
        fine.session_key.assign(size, 1);
        EXPECT_TRUE(agreed().open("north", fine.bytes(), kNow)) << size;
    }
}

class ThirdPartyNode : public ::testing::Test {
protected:
    static NodeOptions options() {
        NodeOptions with;
        with.third_party = agreed();
        return with;
    }
    ThirdPartyNode() {
        client.learn(client.send(client.plain(Method::Allocate, TurnClient::transport_udp)));
    }

    Bytes request(Method method, const Token* token, const Bytes& session_key,
                  const Fill& more = {}, bool strong = false) {
        return client.plain(method, [&](auto& m) {
            if (method == Method::Allocate) TurnClient::transport_udp(m);
            if (more) more(m);
            m.text(Attribute::Username, kid)
                .text(Attribute::Realm, client.realm)
                .text(Attribute::Nonce, client.nonce);
            if (token != nullptr) m.bytes(Attribute::AccessToken, token->bytes());
            if (strong) {
                m.message_integrity_sha256(session_key);
            } else {
                m.message_integrity(session_key);
            }
        });
    }
    std::optional<Answer> allocate(const Token& token, const Fill& more = {}) {
        return client.send(request(Method::Allocate, &token, token.session_key, more));
    }
    int code_of(const Bytes& bytes) { return client.send(bytes)->code(); }
    static Fill lifetime(std::uint32_t seconds) {
        return [seconds](auto& m) { m.u32(Attribute::Lifetime, seconds); };
    }

    TurnNode node{options()};
    TurnClient client{node};
    std::string kid = "north";
};

// RFC 7635 §6.1: the 401 names this server.
TEST_F(ThirdPartyNode, IsToldInTheChallenge) {
    const auto answer = client.send(client.plain(Method::Allocate, TurnClient::transport_udp));
    EXPECT_EQ(answer->code(), 401);
    EXPECT_EQ(answer->text(Attribute::ThirdPartyAuthorization), kServer);
}

TEST_F(ThirdPartyNode, LetsTheHolderOfATokenIn) {
    const auto answer = allocate(Token{});
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), kSessionKey));
    EXPECT_EQ(node.begun_allocations.back().username, "north");
    EXPECT_TRUE(node.begun_allocations.back().subject.starts_with("north."));
    // What follows is signed with the session key alone, or comes with the token again.
    const Token token;
    EXPECT_EQ(code_of(request(Method::CreatePermission, nullptr, kSessionKey,
                              [](auto& m) {
                                  m.xor_address(Attribute::XorPeerAddress, at("93.184.216.34:1"));
                              })),
              0);
    EXPECT_EQ(code_of(request(Method::Refresh, &token, kSessionKey)), 0);
    const auto strong = client.send(request(Method::Refresh, nullptr, kSessionKey, {}, true));
    ASSERT_TRUE(strong && strong->success());
    EXPECT_TRUE(stun::verify_message_integrity_sha256(strong->view(), kSessionKey));
    EXPECT_EQ(code_of(request(Method::Refresh, nullptr, Bytes(20, 1))), 401);
}

// As coturn's clients do, in every version: 16 bytes of the session key, however many it has.
TEST_F(ThirdPartyNode, TakesASignatureUnderTheKeyThatCoturnCuts) {
    Token token;
    for (std::uint8_t i = 0; i < 20; ++i) token.session_key[i] = i;
    const Bytes cut{token.session_key.begin(), token.session_key.begin() + 16};
    const auto answer = client.send(request(Method::Allocate, &token, cut));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), cut));
    EXPECT_EQ(code_of(request(Method::Refresh, nullptr, cut)), 0);
    EXPECT_EQ(code_of(request(Method::Refresh, nullptr, token.session_key)), 401);
    const Bytes shorter{token.session_key.begin(), token.session_key.begin() + 15};
    EXPECT_EQ(code_of(request(Method::Refresh, &token, shorter)), 401);
}

TEST_F(ThirdPartyNode, RefusesABadTokenOrABadSignature) {
    Token bad;
    bad.key = Secret{std::string_view{"another key another key another!"}};
    EXPECT_EQ(allocate(bad)->code(), 401);
    EXPECT_TRUE(node.answers.back().has(Attribute::ThirdPartyAuthorization));
    Token old;
    old.made -= 2h;
    EXPECT_EQ(allocate(old)->code(), 401);
    const Token good;
    EXPECT_EQ(code_of(request(Method::Allocate, &good, Bytes(20, 1))), 401);
    kid = "south";
    EXPECT_EQ(allocate(good)->code(), 401);
    kid = "north";
    EXPECT_EQ(code_of(request(Method::Allocate, nullptr, kSessionKey)), 401);
    EXPECT_EQ(node.server.allocations(), 0U);
    EXPECT_TRUE(allocate(good)->success());
}

// RFC 7635 §4.1.2: nothing lives longer than what it was authorized by.
TEST_F(ThirdPartyNode, LetsNoAllocationOutliveItsToken) {
    Token token;
    token.lifetime = 900;
    EXPECT_EQ(allocate(token, lifetime(3600))->lifetime(), 900U);
    node.advance(500s);
    const auto answer = client.send(request(Method::Refresh, nullptr, kSessionKey, lifetime(3600)));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(answer->lifetime(), 400U);
    EXPECT_EQ(node.server.record(client.path.tuple, node.now)->authorized_left, 400s);
    node.advance(399s);
    EXPECT_EQ(node.server.allocations(), 1U);
    node.advance(2s);
    EXPECT_EQ(node.server.allocations(), 0U);
}

// A Refresh with a new token goes on under it, whichever key made it.
TEST_F(ThirdPartyNode, GoesOnUnderANewToken) {
    Token first;
    first.lifetime = 900;
    ASSERT_TRUE(allocate(first)->success());
    const std::string subject = node.begun_allocations.back().subject;
    node.advance(300s);
    Token second;
    second.made = node.wall;
    second.session_key.assign(20, 0x77);
    const auto answer =
        client.send(request(Method::Refresh, &second, second.session_key, lifetime(3600)));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(answer->lifetime(), 3600U);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), second.session_key));
    EXPECT_EQ(code_of(request(Method::Refresh, nullptr, first.session_key)), 401);
    EXPECT_EQ(code_of(request(Method::Refresh, nullptr, second.session_key)), 0);
    EXPECT_EQ(node.server.list(node.now)[0].subject, subject);
    EXPECT_EQ(node.shared->quota.of("turnpike", subject), 1U);
}

// Nothing but a Refresh: another token is another holder (assertion 45).
TEST_F(ThirdPartyNode, RefusesAnotherTokenOnOtherMethods) {
    ASSERT_TRUE(allocate(Token{})->success());
    Token other;
    other.session_key.assign(20, 0x11);
    const Fill peer = [](auto& m) {
        m.xor_address(Attribute::XorPeerAddress, at("93.184.216.34:1"));
    };
    EXPECT_EQ(code_of(request(Method::CreatePermission, &other, other.session_key, peer)), 441);
    EXPECT_EQ(code_of(request(Method::Allocate, &other, other.session_key)), 437);
    TurnClient alice{node};
    EXPECT_EQ(alice.refresh(0)->code(), 441);
    EXPECT_EQ(node.server.allocations(), 1U);
}

// Nor does a token open a user's allocation.
TEST_F(ThirdPartyNode, HasNothingToSayOverAUsersAllocation) {
    ASSERT_TRUE(client.allocate()->success());
    const Token token;
    EXPECT_EQ(code_of(request(Method::Refresh, &token, kSessionKey, lifetime(0))), 441);
    EXPECT_TRUE(client.refresh()->success());
}

TEST_F(ThirdPartyNode, IsKeptInTheRecord) {
    Token token;
    token.lifetime = 900;
    ASSERT_TRUE(allocate(token)->success());
    TurnNode second{node.options, node.shared};
    const auto released = node.server.release(client.path.tuple, node.now);
    const auto record = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(record && second.server.adopt(*record, client.path, second.now));
    second.receive(client.path, request(Method::Refresh, nullptr, kSessionKey, lifetime(3600)));
    ASSERT_TRUE(second.answers.back().success());
    EXPECT_EQ(second.answers.back().lifetime(), 900U);
}

// Without the setting ACCESS-TOKEN is what it is to everybody who does not know it: 420 (RFC 8489
// §6.3.1).
TEST(ThirdPartyOff, DoesNotKnowTheAttribute) {
    TurnNode node;
    TurnClient client{node};
    const auto answer =
        client.allocate([](auto& m) { m.bytes(Attribute::AccessToken, Token{}.bytes()); });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code(), 420);
    EXPECT_FALSE(client.send(client.plain(Method::Allocate, TurnClient::transport_udp))
                     ->has(Attribute::ThirdPartyAuthorization));
}

}  // namespace
}  // namespace turnpike::test
