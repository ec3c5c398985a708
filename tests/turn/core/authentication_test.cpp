#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

struct Parts {
    bool username = true, realm = true, nonce = true;
};

Bytes with_parts(TurnClient& client, const Parts& parts) {
    return client.plain(Method::Allocate, [&](auto& m) {
        TurnClient::transport_udp(m);
        if (parts.username) m.text(Attribute::Username, client.username);
        if (parts.realm) m.text(Attribute::Realm, client.realm);
        if (parts.nonce) m.text(Attribute::Nonce, client.nonce);
        m.message_integrity(client.key());
    });
}

class Authentication : public ::testing::Test {
protected:
    Authentication() { client.learn(client.send(client.plain(Method::Allocate, TurnClient::transport_udp))); }
    int code_of(const Bytes& request) {
        const auto answer = client.send(request);
        return answer ? answer->code() : -1;
    }

    TurnNode node;
    TurnClient client{node};
};

// RFC 8489 §9.2.4: without integrity 401 with REALM and NONCE, itself unsigned and minimal.
TEST_F(Authentication, ChallengesARequestWithoutIntegrity) {
    const auto challenged = [](const std::optional<Answer>& answer) {
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->code(), 401);
        EXPECT_EQ(answer->text(Attribute::Realm), "turnpike");
        EXPECT_EQ(answer->text(Attribute::Nonce).size(), 28U);
        EXPECT_EQ(answer->bytes.size(), 84U);  // header 20, ERROR-CODE 8, REALM 12, NONCE 32, PASSWORD-ALGORITHMS 12
        for (const Attribute type : {Attribute::MessageIntegrity, Attribute::MessageIntegritySha256,
                                     Attribute::Username, Attribute::Userhash, Attribute::Software,
                                     Attribute::Fingerprint, Attribute::ThirdPartyAuthorization}) {
            EXPECT_FALSE(answer->has(type));
        }
    };
    challenged(client.send(client.plain(Method::Allocate, TurnClient::transport_udp)));
    // A stream's client is where it says: every method.
    TurnClient tcp{node, "192.0.2.1:40000", Transport::Tcp};
    for (const Method method : {Method::Allocate, Method::Refresh, Method::CreatePermission, Method::ChannelBind}) {
        challenged(tcp.send(tcp.plain(method)));
    }
    const auto with = client.send(client.plain(Method::Allocate, [](auto& m) {
        TurnClient::transport_udp(m);
        m.fingerprint();
    }));
    EXPECT_TRUE(with->has(Attribute::Fingerprint));
}

// Security 5.1: over UDP, what could not succeed with any credential gets a short answer in place of a
// challenge (decision 0003-authentication).
TEST_F(Authentication, AnswersBrieflyWhatCouldNotSucceed) {
    const auto brief = [&](const Bytes& request, int code) {
        const auto answer = client.send(request);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->code(), code);
        EXPECT_EQ(answer->bytes.size(), 28U);
    };
    brief(client.plain(Method::Allocate), 400);
    brief(client.plain(Method::Allocate, [](auto& m) { m.u32(Attribute::Lifetime, 600); }), 400);
    for (const Method method : {Method::Refresh, Method::CreatePermission, Method::ChannelBind}) {
        brief(client.plain(method), 437);
        brief(client.plain(method, [](auto& m) { m.u32(Attribute::Lifetime, 600); }), 437);
    }
    // With an allocation they are challenged, if the challenge is not too large for them.
    ASSERT_TRUE(client.allocate()->success());
    brief(client.plain(Method::Refresh), 400);
    EXPECT_EQ(code_of(client.plain(Method::Refresh, [](auto& m) { m.u32(Attribute::Lifetime, 600); })), 401);
    EXPECT_EQ(code_of(client.plain(Method::ChannelBind, [](auto& m) {
                  m.u16(Attribute::ChannelNumber, 0x4000).xor_address(Attribute::XorPeerAddress, at("93.184.216.34:1"));
              })),
              401);
    EXPECT_EQ(node.server.allocations(), 1U);
}

TEST_F(Authentication, TakesRightCredentialsAndSignsTheAnswer) {
    const auto answer = client.allocate();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
}

// RFC 8489 §9.2.4: integrity without USERNAME, REALM or NONCE is 400.
TEST_F(Authentication, RefusesIntegrityWithoutItsAttributes) {
    EXPECT_EQ(code_of(with_parts(client, {.username = false})), 400);
    EXPECT_EQ(code_of(with_parts(client, {.realm = false})), 400);
    EXPECT_EQ(code_of(with_parts(client, {.nonce = false})), 400);
    EXPECT_EQ(code_of(with_parts(client, {})), 0);
}

// Security 6, row 38; RFC 8489 §14.10: fewer than 128 characters, so at most 763 bytes.
TEST_F(Authentication, RefusesAnEmptyNonceAndDropsOneThatIsTooLong) {
    client.nonce.clear();
    EXPECT_EQ(code_of(with_parts(client, {})), 400);
    client.nonce.assign(763, 'n');
    EXPECT_EQ(code_of(with_parts(client, {})), 438);
    client.nonce.assign(764, 'n');
    EXPECT_EQ(code_of(with_parts(client, {})), -1) << "silence";
}

// Security 6, row 14: USERNAME after MESSAGE-INTEGRITY is not covered, so it is not there.
TEST_F(Authentication, DoesNotSeeAUsernameBehindTheIntegrity) {
    EXPECT_EQ(code_of(client.plain(Method::Allocate,
                                   [&](auto& m) {
                                       m.text(Attribute::Realm, client.realm).text(Attribute::Nonce, client.nonce);
                                       m.message_integrity(client.key());
                                       m.text(Attribute::Username, client.username);
                                   })),
              400);
}

// Security 6, row 12: MESSAGE-INTEGRITY has exactly 20 bytes, -SHA256 16 to 32 in fours.
TEST_F(Authentication, RefusesIntegrityOfAWrongSize) {
    const auto with = [&](Attribute type, std::size_t size) {
        return code_of(client.plain(Method::Allocate, [&](auto& m) {
            TurnClient::transport_udp(m);
            m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
            m.text(Attribute::Nonce, client.nonce).bytes(type, Bytes(size, 0x55));
        }));
    };
    for (const std::size_t size : {0U, 16U, 19U, 21U, 24U}) EXPECT_EQ(with(Attribute::MessageIntegrity, size), 400);
    EXPECT_EQ(with(Attribute::MessageIntegrity, 20), 401);
    for (const std::size_t size : {0U, 12U, 15U, 17U, 33U, 36U}) {
        EXPECT_EQ(with(Attribute::MessageIntegritySha256, size), 400);
    }
    EXPECT_EQ(with(Attribute::MessageIntegritySha256, 32), 401);
}

// RFC 8489 §9.2.4: where both are, the stronger one counts. The answer to a request that names no algorithm
// has MESSAGE-INTEGRITY.
TEST_F(Authentication, VerifiesTheStrongerIntegrity) {
    const auto request = [&](bool good) {
        return client.plain(Method::Allocate, [&](auto& m) {
            TurnClient::transport_udp(m);
            m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
            m.text(Attribute::Nonce, client.nonce).message_integrity(client.key());
            if (good) {
                m.message_integrity_sha256(client.key());
            } else {
                m.bytes(Attribute::MessageIntegritySha256, Bytes(32, 0x11));
            }
        });
    };
    EXPECT_EQ(code_of(request(false)), 401);
    const auto answer = client.send(request(true));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
    EXPECT_FALSE(answer->has(Attribute::MessageIntegritySha256));
}

TEST_F(Authentication, RefusesWhatDoesNotFit) {
    const std::string right = client.password;
    client.password = "wonderlanD";
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 401);
    client.password = right;
    client.username = "nobody";
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 401);
    client.username = std::string(513, 'a');
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 401);
    client.username = "%s%n\r\n";
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 401);
    client.username = "alice";
    client.realm = "other.example";
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 401);
    client.realm = "turnpike";
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 0);
}

/// Counts how often a key was looked for.
class CountingSource final : public core::CredentialSource {
public:
    explicit CountingSource(std::shared_ptr<const core::CredentialSource> behind) : behind_(std::move(behind)) {}
    std::vector<core::Candidate> find(std::string_view username, std::string_view realm) const override {
        ++asked;
        return behind_->find(username, realm);
    }
    std::optional<std::string> name_of(ByteView userhash, std::string_view realm) const override {
        ++asked;
        return behind_->name_of(userhash, realm);
    }
    bool knows_hashes() const noexcept override { return behind_->knows_hashes(); }
    mutable int asked = 0;

private:
    std::shared_ptr<const core::CredentialSource> behind_;
};

// T26: a nonce that we cannot have made is refused before any key is looked for.
TEST_F(Authentication, RefusesAForgedNonceBeforeAnyKeyWork) {
    const auto source = std::make_shared<CountingSource>(node.chain());
    node.server.set_credentials(source);
    const std::string good = client.nonce;

    for (const std::string& nonce : {std::string{"x"}, std::string(15, 'A'), std::string(28, 'A'), "obMatJos2wAAA" + std::string(15, 'A'), std::string(763, 'n')}) {
        client.nonce = nonce;
        const auto answer = client.send(client.signed_request(Method::Allocate, TurnClient::transport_udp));
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->code(), 438);
        EXPECT_EQ(answer->text(Attribute::Nonce), good);  // the clock has not moved
        EXPECT_TRUE(answer->has(Attribute::Realm));
        EXPECT_FALSE(answer->has(Attribute::MessageIntegrity));
    }
    EXPECT_EQ(source->asked, 0);
    client.nonce = good;
    EXPECT_EQ(code_of(client.signed_request(Method::Allocate, TurnClient::transport_udp)), 0);
    EXPECT_EQ(source->asked, 1);
}

// T23: a nonce is good for one client transport address only.
TEST_F(Authentication, RefusesANonceFromAnotherAddressOrPort) {
    for (const std::string_view elsewhere : {"192.0.2.1:40001", "192.0.2.2:40000", "[2001:db8::1]:40000"}) {
        TurnClient other{node, elsewhere};
        other.nonce = client.nonce;
        EXPECT_EQ(other.send(other.signed_request(Method::Allocate, TurnClient::transport_udp))->code(), 438);
    }
    TurnClient tcp{node, "192.0.2.1:40000", Transport::Tcp};
    tcp.nonce = client.nonce;
    EXPECT_EQ(tcp.send(tcp.signed_request(Method::Allocate, TurnClient::transport_udp))->code(), 438);
}

// RFC 8489 §9.2.4's order: a genuine nonce that is old is 438 only for who knows the password (T26).
TEST_F(Authentication, TellsOnlyItsOwnerThatANonceIsOld) {
    node.pass(599s);
    EXPECT_EQ(code_of(client.signed_request(Method::Refresh)), 437);  // fresh still: past authentication
    node.pass(1s);
    EXPECT_EQ(code_of(client.signed_request(Method::Refresh)), 438);
    client.password = "wrong";
    EXPECT_EQ(code_of(client.signed_request(Method::Refresh)), 401);
}

// T33: nonces of one key hold on another node.
TEST_F(Authentication, TakesANonceOfAnotherNodeWithTheSameKey) {
    NodeOptions options;
    options.seed = 99;
    TurnNode second{options};
    TurnClient there{second};
    there.nonce = client.nonce;
    EXPECT_TRUE(there.send(there.signed_request(Method::Allocate, TurnClient::transport_udp))->success());
}

// Realm per listener.
TEST_F(Authentication, ChallengesWithTheListenersRealm) {
    TurnClient tcp{node, "192.0.2.1:40000", Transport::Tcp};
    tcp.path.listener = 1;
    ASSERT_TRUE(tcp.allocate()->success());
    EXPECT_EQ(tcp.realm, "other.example");
    EXPECT_EQ(node.begun_allocations.back().realm, "other.example");
}

// RFC 8656 §5: requests on an allocation come with the username that made it.
TEST_F(Authentication, RefusesAnotherUserOnALiveAllocation) {
    ASSERT_TRUE(client.allocate()->success());
    TurnClient bob{node};
    bob.username = "bob";
    bob.password = "builder";
    bob.nonce = client.nonce;
    EXPECT_EQ(bob.refresh(0)->code(), 441);
    EXPECT_EQ(bob.permit({"93.184.216.34:1"})->code(), 441);
    EXPECT_EQ(bob.bind(0x4000, "93.184.216.34:5000")->code(), 441);
    EXPECT_EQ(bob.allocate()->code(), 437);
    EXPECT_TRUE(stun::verify_message_integrity(bob.refresh(0)->view(), bob.key()));
    EXPECT_EQ(node.server.allocations(), 1U);
    bob.password = "wrong";
    EXPECT_EQ(bob.refresh(0)->code(), 401);
}

// RFC 8489 §6.3.1: unknown attributes are told to those who authenticated, under their key.
TEST_F(Authentication, ListsUnknownAttributesOnlyAfterAuthentication) {
    const Fill unknown = [](auto& m) { m.raw(0x7ABC, {}); };
    EXPECT_EQ(code_of(client.plain(Method::Allocate,
                                   [](auto& m) {
                                       TurnClient::transport_udp(m);
                                       m.raw(0x7ABC, {});
                                   })),
              401);
    const auto answer = client.send(client.signed_request(Method::Allocate, unknown));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->code(), 420);
    EXPECT_TRUE(stun::verify_message_integrity(answer->view(), client.key()));
}

// T16: whatever an attacker appends behind the integrity is not there.
TEST_F(Authentication, IgnoresWhatIsAppendedBehindTheIntegrity) {
    ASSERT_TRUE(client.allocate()->success());
    const auto answer = client.send(client.plain(Method::Refresh, [&](auto& m) {
        m.text(Attribute::Username, client.username).text(Attribute::Realm, client.realm);
        m.text(Attribute::Nonce, client.nonce).message_integrity(client.key());
        m.u32(Attribute::Lifetime, 0).raw(0x7ABC, {});
    }));
    ASSERT_TRUE(answer && answer->success());
    EXPECT_EQ(answer->lifetime(), 600U);
    EXPECT_EQ(node.server.allocations(), 1U);
}

// DESIGN 5: a live allocation's own key outlives the secret that made it.
TEST_F(Authentication, LetsALiveAllocationRefreshAfterItsUserIsRemoved) {
    ASSERT_TRUE(client.allocate()->success());
    node.server.set_credentials(std::make_shared<core::CredentialChain>(
        std::vector<core::StaticUser>{}, std::vector<crypto::RestSecret>{}, crypto::Capability{}));
    EXPECT_TRUE(client.refresh()->success());
    ASSERT_TRUE(client.refresh(0)->success());
    EXPECT_EQ(client.allocate()->code(), 401);
}

// Revoked subjects are nobody, until the revocation ends.
TEST_F(Authentication, RefusesARevokedSubject) {
    ASSERT_TRUE(client.allocate()->success());
    node.shared->revocations.revoke("turnpike", "alice", node.wall + 60s);
    EXPECT_EQ(client.refresh()->code(), 401);
    EXPECT_EQ(client.permit({"93.184.216.34:1"})->code(), 401);
    TurnClient second{node, "192.0.2.1:40001"};
    EXPECT_EQ(second.allocate()->code(), 401);
    node.pass(60s - 1ms);
    EXPECT_EQ(second.allocate()->code(), 401);
    node.pass(1ms);
    EXPECT_EQ(second.allocate()->code(), 0);
}

}  // namespace
}  // namespace turnpike::test
