#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

// RFC 8489 §9.2: both password algorithms, the offer, and what stops somebody on the way from
// weakening it (security T24; assertions 34 to 38).

namespace turnpike::test {
namespace {

using stun::PasswordAlgorithm;
using Sha256 = core::Config::Sha256;

NodeOptions with(Sha256 sha256) {
    NodeOptions options;
    options.config.sha256 = sha256;
    return options;
}

class PasswordAlgorithms : public ::testing::Test {
protected:
    PasswordAlgorithms() { learn(client); }
    static void learn(TurnClient& one) {
        one.learn(one.send(one.plain(Method::Allocate, TurnClient::transport_udp)));
    }
    int code_of(const Bytes& request) {
        const auto answer = client.send(request);
        return answer ? answer->code() : -1;
    }
    // An Allocate with these two values, signed with the SHA-256 key.
    Bytes answering(std::optional<ByteView> list, std::optional<ByteView> chosen) {
        return client.plain(Method::Allocate, [&](auto& m) {
            TurnClient::transport_udp(m);
            m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
            m.text(Attribute::Nonce, client.nonce);
            if (list) m.bytes(Attribute::PasswordAlgorithms, *list);
            if (chosen) m.bytes(Attribute::PasswordAlgorithm, *chosen);
            m.message_integrity_sha256(client.key_of(PasswordAlgorithm::Sha256));
        });
    }

    TurnNode node;
    TurnClient client{node};
    const Bytes both{0, 2, 0, 0, 0, 1, 0, 0}, sha256{0, 2, 0, 0}, md5{0, 1, 0, 0};
};

// Assertion 34: the offer comes with the cookie that protects it, in 401 and 438.
TEST_F(PasswordAlgorithms, AreOfferedWithTheirCookie) {
    EXPECT_EQ(client.offered, both);
    EXPECT_TRUE(client.nonce.starts_with("obMatJos2"));
    client.nonce = "stale";
    const auto stale =
        client.send(client.signed_request(Method::Allocate, TurnClient::transport_udp));
    ASSERT_TRUE(stale);
    EXPECT_EQ(stale->code(), 438);
    learn(client);
    EXPECT_EQ(client.offered, both);
}

// Assertion 38.
TEST_F(PasswordAlgorithms, VerifySha256AndSignWithIt) {
    client.algorithm = PasswordAlgorithm::Sha256;
    const auto answer = client.allocate();
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity_sha256(answer->view(),
                                                      client.key_of(PasswordAlgorithm::Sha256)));
    EXPECT_FALSE(answer->has(Attribute::MessageIntegrity));
    const auto refused = client.bind(0x3FFF, "93.184.216.34:5000");
    EXPECT_EQ(refused->code(), 400);
    EXPECT_TRUE(stun::verify_message_integrity_sha256(refused->view(),
                                                      client.key_of(PasswordAlgorithm::Sha256)));
}

TEST_F(PasswordAlgorithms, VerifyMd5ThatWasChosen) {
    client.algorithm = PasswordAlgorithm::Md5;
    const auto answer = client.allocate();
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity_sha256(answer->view(),
                                                      client.key_of(PasswordAlgorithm::Md5)));
}

// Assertion 35: who knows nothing of algorithms is taken as before.
TEST_F(PasswordAlgorithms, AreMd5WhenNoneIsNamed) {
    const auto answer = client.allocate();
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
    EXPECT_FALSE(answer->has(Attribute::MessageIntegritySha256));
}

// Only the key of the algorithm that was named.
TEST_F(PasswordAlgorithms, TakeNoOtherKey) {
    EXPECT_EQ(code_of(answering(both, md5)), 401);
    EXPECT_EQ(code_of(answering({}, {})), 401);
    EXPECT_EQ(code_of(answering(both, sha256)), 0);
}

// Assertions 36 and 37: one alone, another list, another order, an algorithm that is not in it,
// parameters.
TEST_F(PasswordAlgorithms, MustComeBackAsTheyWereOffered) {
    EXPECT_EQ(code_of(answering(both, {})), 400);
    EXPECT_EQ(code_of(answering({}, sha256)), 400);
    for (const Bytes& list :
         {Bytes{}, sha256, md5, Bytes{0, 1, 0, 0, 0, 2, 0, 0},
          Bytes{0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0}, Bytes{0, 2, 0, 0, 0, 1},
          Bytes{0, 2, 0xFF, 0xFF, 0, 1, 0, 0}, Bytes{0, 2, 0, 4, 1, 1, 1, 1, 0, 1, 0, 0},
          Bytes{0, 2, 0, 0, 0, 1, 0, 0, 0}}) {
        EXPECT_EQ(code_of(answering(list, sha256)), 400) << list.size();
    }
    for (const Bytes& chosen :
         {Bytes{}, Bytes{0x77, 0x77, 0, 0}, Bytes{0, 0, 0, 0}, Bytes{0, 2}, Bytes{0, 2, 0, 4},
          Bytes{0, 2, 0, 4, 1, 2, 3, 4}, Bytes{0, 2, 0xFF, 0xFF}, both}) {
        EXPECT_EQ(code_of(answering(both, chosen)), 400) << chosen.size();
    }
    EXPECT_EQ(code_of(answering(both, sha256)), 0);
}

// The refusal is that of a request whose nonce is ours: it costs nobody's budget.
TEST_F(PasswordAlgorithms, AreRefusedWithoutABudget) {
    for (int i = 0; i < 200; ++i) EXPECT_EQ(code_of(answering(both, {})), 400);
}

// Without the offer there is nothing to answer (§9.2.4), and no cookie.
TEST(PasswordAlgorithmsOff, RefuseAnAnswerToAnOfferThatWasNotMade) {
    NodeOptions options = with(Sha256::Off);
    options.config.userhash = false;
    TurnNode node{options};
    TurnClient client{node};
    ASSERT_TRUE(client.allocate()->success());
    EXPECT_EQ(client.nonce.size(), 15U);
    EXPECT_TRUE(client.offered.empty());
    client.offered = {0, 2, 0, 0, 0, 1, 0, 0};
    client.algorithm = PasswordAlgorithm::Sha256;
    EXPECT_EQ(client.refresh()->code(), 400);
    for (const Attribute type : {Attribute::PasswordAlgorithm, Attribute::PasswordAlgorithms}) {
        client.algorithm.reset();
        EXPECT_EQ(client
                      .send(client.signed_request(Method::Refresh,
                                                  [&](auto& m) { m.u32(type, 0x0002'0000); }))
                      ->code(),
                  400);
    }
}

// A nonce of a time when something else was offered is simply too old.
TEST(PasswordAlgorithmsOff, AskForAFreshNonceWhereTheOfferChanged) {
    TurnNode before, after{with(Sha256::Require)};
    TurnClient client{before};
    client.algorithm = PasswordAlgorithm::Sha256;
    ASSERT_TRUE(client.allocate()->success());
    TurnClient again{after};
    again.nonce = client.nonce;
    again.offered = client.offered;
    again.algorithm = client.algorithm;
    EXPECT_EQ(again.send(again.signed_request(Method::Allocate, TurnClient::transport_udp))->code(),
              438);
    EXPECT_TRUE(again.allocate()->success());
    EXPECT_EQ(again.offered, (Bytes{0, 2, 0, 0}));
}

// T24 (e): required means the key and the attribute.
TEST(PasswordAlgorithmsRequired, RefuseEverythingWeaker) {
    TurnNode node{with(Sha256::Require)};
    TurnClient client{node};
    client.learn(client.send(client.plain(Method::Allocate, TurnClient::transport_udp)));
    const auto old =
        client.send(client.signed_request(Method::Allocate, TurnClient::transport_udp));
    EXPECT_EQ(old->code(), 401);
    EXPECT_TRUE(old->has(Attribute::PasswordAlgorithms));
    client.algorithm = PasswordAlgorithm::Md5;
    EXPECT_EQ(
        client.send(client.signed_request(Method::Allocate, TurnClient::transport_udp))->code(),
        400);
    const auto sha1 = client.plain(Method::Allocate, [&](auto& m) {
        TurnClient::transport_udp(m);
        m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
        m.text(Attribute::Nonce, client.nonce).bytes(Attribute::PasswordAlgorithms, client.offered);
        m.password_algorithm(PasswordAlgorithm::Sha256)
            .message_integrity(client.key_of(PasswordAlgorithm::Sha256));
    });
    EXPECT_EQ(client.send(sha1)->code(), 401);
    client.algorithm = PasswordAlgorithm::Sha256;
    EXPECT_TRUE(client.allocate()->success());
    client.algorithm.reset();
    EXPECT_EQ(client.refresh()->code(), 401);  // nor a live allocation with less
}

// An allocation verifies both algorithms with its own keys, also as a record somewhere else.
TEST_F(PasswordAlgorithms, OfALiveAllocationMayChange) {
    ASSERT_TRUE(client.allocate()->success());
    node.server.set_credentials(std::make_shared<core::CredentialChain>(
        std::vector<core::StaticUser>{}, std::vector<crypto::RestSecret>{}, crypto::Capability{}));
    client.algorithm = PasswordAlgorithm::Sha256;
    EXPECT_TRUE(client.refresh()->success());

    TurnNode second{node.options, node.shared};
    const auto released = node.server.release(client.path.tuple, node.now);
    ASSERT_TRUE(released);
    const auto record = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(record && second.server.adopt(*record, client.path, second.now));
    TurnClient there{second};
    there.algorithm = PasswordAlgorithm::Sha256;
    EXPECT_TRUE(there.refresh()->success());
    there.algorithm.reset();
    EXPECT_TRUE(there.refresh()->success());
    there.password = "wrong";
    EXPECT_EQ(there.refresh()->code(), 401);
}

// T16: behind MESSAGE-INTEGRITY-SHA256 there is nothing; a second list changes nothing (first
// wins).
TEST_F(PasswordAlgorithms, AreReadFromTheCoveredPartAndOnce) {
    client.algorithm = PasswordAlgorithm::Sha256;
    ASSERT_TRUE(client.allocate()->success());
    const auto refresh = [&](bool behind) {
        return client.plain(Method::Refresh, [&](auto& m) {
            m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
            m.text(Attribute::Nonce, client.nonce)
                .bytes(Attribute::PasswordAlgorithms, client.offered);
            if (!behind) m.bytes(Attribute::PasswordAlgorithms, Bytes{0, 1, 0, 0});
            m.password_algorithm(PasswordAlgorithm::Sha256);
            m.message_integrity_sha256(client.key_of(PasswordAlgorithm::Sha256));
            if (behind) m.u32(Attribute::Lifetime, 0).bytes(Attribute::MessageIntegrity, Bytes(20));
        });
    };
    EXPECT_EQ(client.send(refresh(false))->code(), 0);
    EXPECT_EQ(client.send(refresh(true))->code(), 0);
    EXPECT_EQ(node.server.allocations(), 1U);
}

// Assertion 41, and 40 under the SHA-256 key: a good weaker attribute does not help a bad stronger
// one.
TEST_F(PasswordAlgorithms, NeverFallBackToTheWeakerIntegrity) {
    const auto request = [&](std::size_t size, bool spoil) {
        Bytes bytes = client.plain(Method::Allocate, [&](auto& m) {
            TurnClient::transport_udp(m);
            m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
            m.text(Attribute::Nonce, client.nonce)
                .bytes(Attribute::PasswordAlgorithms, client.offered);
            m.password_algorithm(PasswordAlgorithm::Sha256)
                .message_integrity(client.key_of(PasswordAlgorithm::Sha256));
            m.message_integrity_sha256(client.key_of(PasswordAlgorithm::Sha256));
        });
        if (size !=
            32) {  // cut short: length of attribute and message, and the HMAC over the new header
            bytes.resize(bytes.size() - 36);
            const std::size_t at = bytes.size();
            store_u16(bytes, 2, static_cast<std::uint16_t>(at + 4 + size - 20));
            const auto mac =
                crypto::hmac_sha256(client.key_of(PasswordAlgorithm::Sha256), {ByteView{bytes}});
            bytes.resize(at + 4 + (size + 3) / 4 * 4);
            store_u16(bytes, 2, static_cast<std::uint16_t>(bytes.size() - 20));
            store_u16(bytes, at, static_cast<std::uint16_t>(Attribute::MessageIntegritySha256));
            store_u16(bytes, at + 2, static_cast<std::uint16_t>(size));
            std::copy_n(mac.begin(), size, bytes.begin() + static_cast<std::ptrdiff_t>(at + 4));
        }
        if (spoil) bytes.back() ^= 1;
        return bytes;
    };
    EXPECT_EQ(code_of(request(32, true)), 401);
    EXPECT_EQ(code_of(request(16, true)), 401);
    for (const std::size_t size : {0U, 4U, 12U, 15U, 17U, 30U})
        EXPECT_EQ(code_of(request(size, false)), 400) << size;
    EXPECT_EQ(code_of(request(16, false)), 0);
}

}  // namespace
}  // namespace turnpike::test
