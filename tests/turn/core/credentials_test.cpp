#include "turn/core/credentials.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::Candidate;
using core::CredentialChain;
using Algorithm = crypto::RestSecret::Algorithm;

crypto::RestSecret rest(std::string_view kid, std::string_view value, bool ours,
                        Algorithm algorithm = Algorithm::HmacSha1) {
    return {std::string{kid}, Secret{value}, algorithm, ours};
}
const crypto::RestSecret kOurs = rest("k1", "a secret of sixteen", true);
const crypto::RestSecret kNext = rest("k2", "its successor's bytes", true, Algorithm::HmacSha256);
const crypto::RestSecret kForeign = rest("c1", "somebody else's secret", false);

std::string password(const Candidate& candidate) { return std::string{as_text(candidate.password.reveal())}; }

TEST(CredentialChain, FindsStaticUsers) {
    const CredentialChain chain{{{"alice", Secret{std::string_view{"wonderland"}}},
                                 {"alice", Secret{std::string_view{"her next one"}}}},
                                {},
                                {}};
    const auto found = chain.find("alice", "turnpike");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(password(found[0]), "wonderland");
    EXPECT_EQ(password(found[1]), "her next one");
    EXPECT_EQ(found[0].subject, "alice");
    EXPECT_FALSE(found[0].expires_at);
    EXPECT_TRUE(chain.find("Alice", "turnpike").empty());
    EXPECT_TRUE(chain.find("", "turnpike").empty());
}

// DESIGN 5: the secret that `;k=` names first; the others after it, since a name proves nothing.
TEST(CredentialChain, TriesTheNamedSecretFirst) {
    const CredentialChain chain{{}, {kOurs, kNext, kForeign}, {}};
    const auto found = chain.find("1700000600:a.b;k=k2", "turnpike");
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(password(found[0]), crypto::rest_password(kNext, "1700000600:a.b;k=k2"));
    EXPECT_EQ(password(found[1]), crypto::rest_password(kOurs, "1700000600:a.b;k=k2"));
    EXPECT_EQ(found[0].expires_at, from_unix_seconds(1'700'000'600));
}

// The subject is what quota and revocation count by: without expiry and limits.
TEST(CredentialChain, ReadsLimitsOnlyFromItsOwnIssuer) {
    const CredentialChain chain{{}, {kOurs, kForeign}, {}};
    const auto found = chain.find("1700000600:a.b;a=3;b=64;p=relay", "turnpike");
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].subject, "a.b");
    EXPECT_EQ(found[0].limits, (crypto::Capability{3, 64, true}));
    EXPECT_EQ(found[1].subject, "a.b;a=3;b=64;p=relay");
    EXPECT_EQ(found[1].limits, crypto::Capability{});
}

TEST(CredentialChain, DoesNotKnowMalformedLimits) {
    const CredentialChain chain{{}, {kOurs}, {}};
    for (const std::string_view name : {"1700000600:a;a=", "1700000600:a;a=x", "1700000600:a;a=1;a=2",
                                        "1700000600:a;z=1", "1700000600:a;p=all", "1700000600:a;a=-1",
                                        "1700000600:a;a=4294967296"}) {
        EXPECT_TRUE(chain.find(name, "turnpike").empty()) << name;
    }
    EXPECT_EQ(chain.find("1700000600:a;a=4294967295", "turnpike").size(), 1U);
}

TEST(CredentialChain, CapsLimitsByConfiguration) {
    const CredentialChain chain{{}, {kOurs}, {10, 100, false}};
    const auto limits = [&](std::string_view fields) {
        return chain.find("1700000600:a" + std::string{fields}, "turnpike").at(0).limits;
    };
    EXPECT_EQ(limits(";a=11;b=101"), (crypto::Capability{10, 100, false}));
    EXPECT_EQ(limits(";a=9;b=99"), (crypto::Capability{9, 99, false}));
    EXPECT_EQ(limits(""), crypto::Capability{});  // absent: the server's defaults
}

// T29.
TEST(CredentialChain, DoesNotKnowNamesOutOfGrammar) {
    const CredentialChain chain{{}, {kOurs, kForeign}, {}};
    for (const std::string& name :
         {std::string{":u"}, std::string{"u"}, std::string{"-1:u"}, std::string{"1e9:u"},
          std::string{"99999999999999999999:u"}, std::string{"1700000600:a\0b", 14}, std::string{" 1700000600:u"},
          "1700000600:" + std::string(498, 'u')}) {
        EXPECT_TRUE(chain.find(name, "turnpike").empty()) << name;
    }
    EXPECT_EQ(chain.find("1700000600:a:b", "turnpike").size(), 2U);
    EXPECT_EQ(chain.find("1700000600:" + std::string(497, 'u'), "turnpike").size(), 2U);
}

TEST(CredentialChain, OffersEightCandidatesAtMost) {
    std::vector<crypto::RestSecret> many;
    for (int i = 0; i < 20; ++i) many.push_back(rest("k" + std::to_string(i), "a secret of sixteen", true));
    EXPECT_EQ((CredentialChain{{}, many, {}}.find("1700000600:a;k=k19", "turnpike").size()), 8U);
}

// The chain behind a server.
class RestCredentials : public ::testing::Test {
protected:
    RestCredentials() {
        options.secrets = {kOurs, kNext, kForeign};
        node.emplace(options);
    }
    TurnClient with(std::string_view username, const crypto::RestSecret& secret, std::uint16_t port = 40000) {
        TurnClient client{*node, Endpoint{ip("192.0.2.1"), port}.to_string()};
        client.username = username;
        client.password = crypto::rest_password(secret, username);
        return client;
    }
    std::string in(Seconds s, std::string_view rest = ":a.b") const {
        return std::to_string(unix_seconds(node->wall + s)) + std::string{rest};
    }

    NodeOptions options;
    std::optional<TurnNode> node;
};

TEST_F(RestCredentials, OpenAllocationsUntilTheirExpiry) {
    const std::string name = in(60s);
    EXPECT_TRUE(with(name, kOurs, 1).allocate()->success());
    EXPECT_TRUE(with(name, kNext, 2).allocate()->success());
    EXPECT_TRUE(with(name, kForeign, 3).allocate()->success());
    EXPECT_EQ(with(name, rest("k1", "not the secret at all", true), 4).allocate()->code(), 401);
    node->pass(60s - 1ms);
    EXPECT_TRUE(with(name, kOurs, 5).allocate()->success());
    node->pass(1ms);
    const auto late = with(name, kOurs, 6).allocate();
    EXPECT_EQ(late->code(), 401);
    EXPECT_TRUE(late->has(Attribute::Nonce));
}

// DESIGN 5, assertion 44: a live allocation goes on after the credential's expiry.
TEST_F(RestCredentials, KeepALiveAllocationAfterTheirExpiry) {
    TurnClient client = with(in(60s), kOurs);
    ASSERT_TRUE(client.allocate()->success());
    const Bytes again = client.signed_request(Method::Refresh);
    node->pass(120s);
    EXPECT_TRUE(client.send(again)->success());
    EXPECT_TRUE(client.permit({"93.184.216.34:1"})->success());
    EXPECT_TRUE(client.refresh(0)->success());
    EXPECT_EQ(client.allocate()->code(), 401);
}

TEST_F(RestCredentials, MayNotReachTooFarAhead) {
    EXPECT_TRUE(with(in(24h), kOurs, 1).allocate()->success());
    EXPECT_EQ(with(in(24h + 1s), kOurs, 2).allocate()->code(), 401);
    EXPECT_EQ(with("9999999999:a", kOurs, 3).allocate()->code(), 401);
}

// Forged limits: the name is what is signed.
TEST_F(RestCredentials, CannotBeGivenOtherLimits) {
    TurnClient client = with(in(60s, ":a.b;k=k1;a=1"), kOurs);
    client.username = in(60s, ":a.b;k=k1;a=99");
    EXPECT_EQ(client.allocate()->code(), 401);
}

// T29: renewed names share the quota of their subject; the limit is the credential's.
TEST_F(RestCredentials, CountTheirSubjectWhateverTheirExpiry) {
    EXPECT_TRUE(with(in(60s, ":a.b;k=k1;a=2"), kOurs, 1).allocate()->success());
    EXPECT_TRUE(with(in(90s, ":a.b;k=k1;a=2"), kOurs, 2).allocate()->success());
    EXPECT_EQ(with(in(99s, ":a.b;k=k2;a=2"), kNext, 3).allocate()->code(), 486);
    EXPECT_TRUE(with(in(99s, ":a.c;k=k1;a=2"), kOurs, 4).allocate()->success());
    EXPECT_EQ(with(in(99s, ":a.d;k=k1;a=0"), kOurs, 5).allocate()->code(), 486);
    EXPECT_EQ(node->shared->quota.of("turnpike", "a.b"), 2U);
    EXPECT_EQ(node->shared->quota.of("turnpike", "a.d"), 0U);
}

// DESIGN 5: 441 compares the exact username, so a renewed credential is another user on a live allocation.
TEST_F(RestCredentials, DoNotRenewALiveAllocation) {
    TurnClient client = with(in(60s), kOurs);
    ASSERT_TRUE(client.allocate()->success());
    TurnClient renewed = with(in(120s), kOurs);
    EXPECT_EQ(renewed.refresh()->code(), 441);
    EXPECT_TRUE(client.refresh()->success());
}

// T28: overlap while a secret is replaced.
TEST_F(RestCredentials, OutliveTheSecretOnLiveAllocationsOnly) {
    TurnClient client = with(in(60s), kOurs, 1);
    ASSERT_TRUE(client.allocate()->success());
    node->server.set_credentials(
        std::make_shared<CredentialChain>(std::vector<core::StaticUser>{}, std::vector{kNext}, crypto::Capability{}));
    EXPECT_TRUE(client.refresh()->success());
    EXPECT_EQ(with(in(60s), kOurs, 2).allocate()->code(), 401);
    EXPECT_TRUE(with(in(60s), kNext, 3).allocate()->success());
}

}  // namespace
}  // namespace turnpike::test
