#include "common/crypto/turn_rest.hpp"

#include <gtest/gtest.h>

#include <random>

#include "common/crypto/base64.hpp"

namespace turnpike::crypto {
namespace {

constexpr std::string_view kSecret = "correct horse battery staple";

RestSecret secret(RestSecret::Algorithm algorithm = RestSecret::Algorithm::HmacSha1, bool ours = true) {
    return {"k1", Secret{kSecret}, algorithm, ours};
}

std::optional<Capability> limits_of(std::string_view username) {
    const auto name = RestUsername::parse(username);
    return name ? name->capability() : std::nullopt;
}

TEST(RestUsername, IsAnExpiryAndARest) {
    const auto name = RestUsername::parse("1700000000:alice");
    ASSERT_TRUE(name);
    EXPECT_EQ(name->expires_at, from_unix_seconds(1'700'000'000));
    EXPECT_EQ(name->rest, "alice");
    EXPECT_EQ(name->subject, "alice");
    EXPECT_EQ(name->kid(), "");
}

TEST(RestUsername, TakesTheFormsThatIssuersUse) {
    EXPECT_EQ(RestUsername::parse("1700000000")->subject, "") << "the expiry alone";
    EXPECT_EQ(RestUsername::parse("1700000000:")->subject, "");
    EXPECT_EQ(RestUsername::parse("1700000000:a:b")->subject, "a:b") << "the first colon ends the expiry";
    EXPECT_EQ(RestUsername::parse("0:u")->expires_at, from_unix_seconds(0));
    EXPECT_EQ(RestUsername::parse("9999999999:u")->expires_at, from_unix_seconds(9'999'999'999));
    EXPECT_EQ(RestUsername::parse("0017000000:u")->expires_at, from_unix_seconds(17'000'000)) << "long expired, that is";
    EXPECT_EQ(RestUsername::parse("1700000000:\u30DE\u30C8")->subject, "\u30DE\u30C8");
    EXPECT_EQ(RestUsername::parse("1700000000: ")->subject, " ");
}

// Two expiries of one user share a quota: the subject has none.
TEST(RestUsername, TheSubjectIsWithoutExpiryAndLimits) {
    EXPECT_EQ(RestUsername::parse("1700000000:tag.p1;k=k1;a=3")->subject, "tag.p1");
    EXPECT_EQ(RestUsername::parse("1800000000:tag.p1;k=k2")->subject, "tag.p1");
    EXPECT_EQ(RestUsername::parse("1800000000:tag.p1;k=k2")->rest, "tag.p1;k=k2");
    EXPECT_EQ(RestUsername::parse("1800000000:;a=1")->subject, "");
}

TEST(RestUsername, RefusesWhatIsNone) {
    for (const char* text : {"", ":", ":u", "u", "alice", "-1:u", "+1:u", " 1:u", "1 :u", "1e9:u", "0x10:u", "1.5:u", "17000000000:u",
                             "00170000000:u", "99999999999999999999:u", "1700000000\n:u", "1700000000:a\tb", "1700000000:a\x7f",
                             "1700000000:\x1f", "1700000000;k=k1", "\u0661:u"}) {
        EXPECT_FALSE(RestUsername::parse(text)) << text;
    }
    EXPECT_FALSE(RestUsername::parse(std::string_view{"1700000000:a\0b", 14}));
    EXPECT_FALSE(RestUsername::parse(std::string_view{"\0:u", 3}));
}

// RFC 8489 §14.3: fewer than 509 bytes.
TEST(RestUsername, IsAtMost508BytesLong) {
    const std::string expiry = "1700000000:";
    EXPECT_TRUE(RestUsername::parse(expiry + std::string(508 - expiry.size(), 'u')));
    EXPECT_FALSE(RestUsername::parse(expiry + std::string(509 - expiry.size(), 'u')));
    EXPECT_FALSE(RestUsername::parse(expiry + std::string(513 - expiry.size(), 'u')));
    EXPECT_FALSE(RestUsername::parse(std::string(100'000, '1')));
}

TEST(RestUsername, ReadsItsLimits) {
    const auto all = limits_of("1700000000:tag.p1;k=k1;a=42;b=2000;p=relay");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->allocations, 42U);
    EXPECT_EQ(all->bandwidth_kbit_s, 2000U);
    EXPECT_TRUE(all->relay_peers_only);
    EXPECT_EQ(RestUsername::parse("1700000000:tag.p1;k=k1;a=42")->kid(), "k1");

    EXPECT_EQ(limits_of("1700000000:tag.p1"), Capability{}) << "without limits they are the server's";
    EXPECT_EQ(limits_of("1700000000:s;p=relay;a=0")->allocations, 0U) << "in any order; zero is a limit";
    EXPECT_EQ(limits_of("1700000000:s;a=4294967295")->allocations, 4294967295U);
    EXPECT_EQ(limits_of("1700000000:s;k=abc-DEF_0123456"), Capability{});
}

TEST(RestUsername, RefusesMalformedLimits) {
    for (const char* fields : {";", ";;", ";a", ";a=", ";a=x", ";a=-1", ";a=+1", ";a= 1", ";a=1 ", ";a=1.5", ";a=0x1", ";a=4294967296",
                               ";a=99999999999999999999", ";b=", ";b=-5", ";p=", ";p=all", ";p=relay2", ";p=RELAY", ";k=", ";k=a b",
                               ";k=12345678901234567", ";k=\u00e4", ";a=1;", ";x=1", ";A=1", "; a=1", ";a=1;a=1", ";a=1;a=2",
                               ";b=1;b=1", ";k=a;k=a", ";p=relay;p=relay", ";a=1;b=2;q=3", ";aa=1", ";=1"}) {
        const std::string username = std::string{"1700000000:s"} + fields;
        const auto name = RestUsername::parse(username);
        ASSERT_TRUE(name) << username;
        EXPECT_EQ(name->subject, "s");
        EXPECT_FALSE(name->capability()) << username;
    }
}

// Computed apart from this program, by
//   printf %s USERNAME | openssl dgst -sha1 -hmac 'correct horse battery staple' -binary | base64
TEST(RestPassword, IsTheHmacOfTheUsername) {
    EXPECT_EQ(rest_password(secret(), "1700000000:alice"), "2fHPp3DoKFH1wrDpnWx1AvX3eMY=");
    EXPECT_EQ(rest_password(secret(), "4102444800:r00mtag.p1;k=k1;a=42;b=2000;p=relay"), "7KtSE61zpaIa5NeXdhT+nCJQvRw=");
    EXPECT_EQ(rest_password(secret(), "1700000000"), "RC/AsEENqN7Kdyg0JX2jBxdQDpU=");
    const RestSecret sha256 = secret(RestSecret::Algorithm::HmacSha256);
    EXPECT_EQ(rest_password(sha256, "1700000000:alice"), "o8Fh0Yad0EWWfMLZmjK772v2YjFK/BDhbLVrDQTduik=");
    EXPECT_EQ(rest_password(sha256, "4102444800:r00mtag.p1;k=k1;a=42;b=2000;p=relay"), "6HkypbiB/Bxsy9bLtNJg/ESgW6ED6hZxzOJSW+fRRnU=");
}

TEST(RestPassword, CoversEveryCharacter) {
    const std::string username = "1700000000:alice;a=1";
    const std::string password = rest_password(secret(), username);
    for (std::size_t at = 0; at < username.size(); ++at) {
        std::string forged = username;
        forged[at] ^= 1;
        EXPECT_NE(rest_password(secret(), forged), password) << forged;
    }
    EXPECT_NE(rest_password(secret(), username + "0"), password);
    const RestSecret other{"k1", Secret{std::string_view{"another"}}, RestSecret::Algorithm::HmacSha1, true};
    EXPECT_NE(rest_password(other, username), password);
}

TEST(Mint, WritesSubjectKidAndLimits) {
    const auto minted = mint(secret(), "r00mtag.p1", {42, 2000, true}, from_unix_seconds(4'102'444'800));
    ASSERT_TRUE(minted);
    EXPECT_EQ(minted->username, "4102444800:r00mtag.p1;k=k1;a=42;b=2000;p=relay");
    EXPECT_EQ(minted->password, "7KtSE61zpaIa5NeXdhT+nCJQvRw=");
    EXPECT_EQ(minted->expires_at, from_unix_seconds(4'102'444'800));
}

TEST(Mint, ExpiresOnAWholeSecond) {
    const auto minted = mint(secret(), "s", {}, from_unix_seconds(1'700'000'000) + 999ms);
    ASSERT_TRUE(minted);
    EXPECT_EQ(minted->username, "1700000000:s;k=k1");
    EXPECT_EQ(minted->expires_at, from_unix_seconds(1'700'000'000));
}

// A secret that other issuers share stays with the draft's plain form.
TEST(Mint, WritesNoLimitsUnderAForeignSecret) {
    const auto minted = mint(secret(RestSecret::Algorithm::HmacSha1, false), "alice", {42, 2000, true}, from_unix_seconds(1'700'000'000));
    ASSERT_TRUE(minted);
    EXPECT_EQ(minted->username, "1700000000:alice");
    EXPECT_EQ(minted->password, "2fHPp3DoKFH1wrDpnWx1AvX3eMY=");
}

TEST(Mint, ASecretWithoutKidNamesNone) {
    RestSecret unnamed = secret();
    unnamed.kid.clear();
    EXPECT_EQ(mint(unnamed, "s", {7, {}, false}, from_unix_seconds(1'700'000'000))->username, "1700000000:s;a=7");
}

TEST(Mint, RefusesASubjectThatWouldWriteLimits) {
    for (const char* subject : {";", "a;b", "a;a=99", "a\nb", "a\x7f", "\x01"}) {
        EXPECT_FALSE(mint(secret(), subject, {}, from_unix_seconds(1'700'000'000))) << subject;
    }
    EXPECT_FALSE(mint(secret(), std::string_view{"a\0b", 3}, {}, from_unix_seconds(1'700'000'000)));
    EXPECT_TRUE(mint(secret(), "", {}, from_unix_seconds(1'700'000'000)));
}

TEST(Mint, RefusesAKidOrAnExpiryThatWouldNotReadBack) {
    for (const char* kid : {";", "k;a=9", "k 1", "12345678901234567", "\u00e4"}) {
        RestSecret bad = secret();
        bad.kid = kid;
        EXPECT_FALSE(mint(bad, "s", {}, from_unix_seconds(1'700'000'000))) << kid;
    }
    EXPECT_FALSE(mint(secret(), "s", {}, from_unix_seconds(-1)));
    EXPECT_FALSE(mint(secret(), "s", {}, from_unix_seconds(10'000'000'000)));
    EXPECT_TRUE(mint(secret(), "s", {}, from_unix_seconds(9'999'999'999)));
}

TEST(Mint, StaysWithin200Bytes) {
    const Capability limits{42, 2000, true};
    const WallTime expiry = from_unix_seconds(1'700'000'000);
    const std::size_t around = mint(secret(), "", limits, expiry)->username.size();
    EXPECT_EQ(mint(secret(), std::string(200 - around, 's'), limits, expiry)->username.size(), 200U);
    EXPECT_FALSE(mint(secret(), std::string(201 - around, 's'), limits, expiry));
}

TEST(Mint, WhatItMintsIsParsedBack) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    for (int i = 0; i < 2000; ++i) {
        Capability limits;
        if (random() % 2) limits.allocations = static_cast<std::uint32_t>(random());
        if (random() % 2) limits.bandwidth_kbit_s = static_cast<std::uint32_t>(random());
        limits.relay_peers_only = random() % 2 != 0;
        std::string subject;
        for (std::size_t size = random() % 60; size > 0; --size) {
            const char c = static_cast<char>(0x20 + random() % 0x5F);
            subject += c == ';' ? ':' : c;
        }
        const WallTime expiry = from_unix_seconds(static_cast<std::int64_t>(random() % 9'999'999'999ULL));

        const auto minted = mint(secret(), subject, limits, expiry);
        ASSERT_TRUE(minted);
        const auto name = RestUsername::parse(minted->username);
        ASSERT_TRUE(name) << minted->username;
        EXPECT_EQ(name->expires_at, minted->expires_at);
        EXPECT_EQ(name->subject, subject);
        EXPECT_EQ(name->kid(), "k1");
        EXPECT_EQ(name->capability(), limits) << minted->username;
        EXPECT_EQ(rest_password(secret(), minted->username), minted->password);
    }
}

// openssl dgst -sha256 -hmac 'room tag key of this test' over "room-one", as base64url, 12 characters.
TEST(RoomTag, IsTwelveCharactersOfTheHmac) {
    const Secret key{std::string_view{"room tag key of this test"}};
    EXPECT_EQ(room_tag(key, "room-one"), "cEMy28oS81pU");
    EXPECT_NE(room_tag(key, "room-two"), "cEMy28oS81pU");
    EXPECT_NE(room_tag(Secret{std::string_view{"another"}}, "room-one"), "cEMy28oS81pU");
    EXPECT_EQ(room_tag(key, "").size(), 12U);
    // Every tag is good as a subject.
    for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(mint(secret(), room_tag(key, std::to_string(i)) + ".p1", {}, from_unix_seconds(1'700'000'000)));
    }
}

}  // namespace
}  // namespace turnpike::crypto
