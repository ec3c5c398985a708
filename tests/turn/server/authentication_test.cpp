#include "turn/server/authentication.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/aes_gcm.hpp"
#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string user(const std::string& name, const std::string& password) {
    return "[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth]\nusers = [{name = \"" + name +
           "\", password = {value = \"" + password + "\"}}]\n";
}

std::vector<std::string> passwords(const ReadText& read, std::string_view name) {
    std::vector<std::string> out;
    for (const core::Candidate& candidate : read.config.credentials()->find(name, "turnpike"))
        out.emplace_back(as_text(candidate.password.reveal()));
    return out;
}

// RFC 8489 §14.3 and §9.2.2: OpaqueString, and as written for those who prepare nothing.
TEST(AuthConfig, PreparesStaticUsers) {
    const ReadText read{user("Zoe\u0308", "pass\u00A0wo\u0308rd")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const std::vector<std::string> both{"pass w\u00F6rd", "pass\u00A0wo\u0308rd"};
    EXPECT_EQ(passwords(read, "Zo\u00EB"), both);
    EXPECT_EQ(passwords(read, "Zoe\u0308"), both);
    EXPECT_TRUE(passwords(read, "zo\u00EB").empty());  // case is preserved
    EXPECT_EQ(passwords(ReadText{user("ada", "correct-horse")}, "ada").size(), 1u);
}

TEST(AuthConfig, RefusesNamesThatAreNone) {
    EXPECT_THAT(ReadText{user("a\u200Bda", "correct-horse")}.document.report(),
                HasSubstr("auth.users[0].name has a character that no username may have"));
    const ReadText twice{
        "[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth]\nusers = [{name = \"Zo\u00EB\", "
        "password = {value = "
        "\"correct-horse\"}}, {name = \"Zoe\u0308\", password = {value = \"correct-horse\"}}]\n"};
    EXPECT_THAT(twice.document.report(), HasSubstr("which another user has"));
}

TEST(AuthConfig, WarnsOfAPasswordWithoutAPreparedForm) {
    const ReadText read{user("ada", "soft\u00ADhyphen")};
    EXPECT_TRUE(read.document.ok());
    EXPECT_THAT(read.document.report(),
                HasSubstr("warning: auth.users[0].password has a character"));
    EXPECT_EQ(passwords(read, "ada"), std::vector<std::string>{"soft\u00ADhyphen"});
}

TEST(AuthConfig, WantsARealmInNormalForm) {
    const ReadText read{
        "[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth]\nrealm = \"cafe\u0301\"\n"};
    EXPECT_THAT(read.document.report(),
                HasSubstr("auth.realm is not in Unicode's normal form; write it as \"caf\u00E9\""));
}

std::string third_party(const std::string& keys, const std::string& name = "turn.example.org") {
    return "[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth.third_party]\nserver_name = \"" +
           name + "\"\nkeys = [" + keys + "]\n";
}
const std::string kKey = "key = {value = \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\"}";

// RFC 7635 alone is enough to let somebody in.
TEST(AuthConfig, TakesThirdPartyAuthorization) {
    const ReadText read{third_party("{id = \"north\", " + kKey + ", lifetime = \"1h\"}")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    ASSERT_TRUE(read.config.third_party);
    EXPECT_EQ(read.config.third_party->server_name(), "turn.example.org");
    EXPECT_EQ(read.config.credentials()->third_party()->server_name(), "turn.example.org");
    EXPECT_THAT(read.document.effective(), Not(HasSubstr("MDEyMzQ1")));
    EXPECT_THAT(summary(read.config), HasSubstr("third-party authorization"));

    // The key is the text's 32 bytes; one hour is the most that its tokens get.
    const WallTime now = from_unix_seconds(1'700'000'000);
    Bytes block(2 + 20 + 12, 0);
    block[1] = 20;
    store_u64(block, 22, std::uint64_t{1'700'000'000} << 16);
    store_u32(block, 30, 86'400);
    Bytes token{0, 12};
    token.resize(14);
    const Bytes sealed = crypto::aes_gcm_seal(as_bytes("01234567890123456789012345678901"),
                                              Bytes(12), as_bytes("turn.example.org"), block);
    token.insert(token.end(), sealed.begin(), sealed.end());
    const auto opened = read.config.third_party->open("north", token, now);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->expires_at, now + 1h);
}

TEST(AuthConfig, RefusesThirdPartiesThatCannotBe) {
    const auto report = [](const std::string& keys, const std::string& name = "turn.example.org") {
        const ReadText read{third_party(keys, name)};
        EXPECT_FALSE(read.document.ok());
        return read.document.report();
    };
    EXPECT_THAT(report(""), HasSubstr("auth.third_party.keys is needed"));
    EXPECT_THAT(report("{id = \"\", " + kKey + "}"),
                HasSubstr("keys[0].id must have 1 to 508 bytes"));
    EXPECT_THAT(report("{id = \"a\"}"), HasSubstr("keys[0].key is needed"));
    EXPECT_THAT(report("{id = \"a\", key = {value = \"this is not base64 at all\"}}"),
                HasSubstr("is not the base64"));
    EXPECT_THAT(report("{id = \"a\", key = {value = \"MDEyMzQ1Njc4OTAxMjM0NTY3ODkw\"}}"),
                HasSubstr("is not the base64"));
    EXPECT_THAT(report("{id = \"a\", " + kKey + "}, {id = \"a\", " + kKey + "}"),
                HasSubstr("which another key has"));
    EXPECT_THAT(report("{id = \"a\", " + kKey + "}", ""), HasSubstr("server_name must have"));
    EXPECT_THAT(report("{id = \"a\", " + kKey + "}", "two words"),
                HasSubstr("server_name must have"));
}

TEST(AuthConfig, WarnsOfAServerNameThatMakesLongAnswers) {
    const ReadText read{
        third_party("{id = \"north\", " + kKey + "}", "https://authorization.example.org")};
    EXPECT_TRUE(read.document.ok());
    EXPECT_THAT(read.document.report(),
                HasSubstr("warning: auth.third_party has a long server_name"));
}

TEST(RedirectConfig, KnowsItsOwnNames) {
    const ReadText read{with_basics(
        "[[listen]]\ntransport = \"tcp\"\naddress = \"0.0.0.0:3479\"\n[relay]\naddress = "
        "[\"192.0.2.10\"]\nexternal_ip = "
        "\"203.0.113.7\"\n[redirect]\nservers = [\"203.0.113.7:3478\", \"203.0.113.7:3479\"]\n")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const core::Redirection& redirection = read.config.net.core.redirection;
    const FiveTuple tuple{*Endpoint::parse("198.51.100.1:1"), *Endpoint::parse("192.0.2.10:3478"),
                          Transport::Udp};
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(redirection.of(tuple, "turnpike", std::to_string(i)));
    const ReadText other{with_basics("[redirect]\nservers = [\"203.0.113.8:3478\"]\n")};
    EXPECT_EQ(other.config.net.core.redirection.of(tuple, "turnpike", "ada")->server.to_string(),
              "203.0.113.8:3478");
}

TEST(RedirectConfig, RefusesWhereNobodyCanBeSent) {
    const auto report = [](const std::string& text) {
        const ReadText read{with_basics("[redirect]\n" + text)};
        EXPECT_FALSE(read.document.ok());
        return read.document.report();
    };
    EXPECT_THAT(report("servers = [\"turn2.example.org:3478\"]\n"),
                HasSubstr("redirect.servers has \"turn2"));
    EXPECT_THAT(report("servers = [\"0.0.0.0:3478\"]\n"), HasSubstr("nobody can be sent to"));
    EXPECT_THAT(report("servers = [\"192.0.2.9:3478\"]\ndomain = \"a b\"\n"),
                HasSubstr("redirect.domain is no host name"));
    EXPECT_THAT(report("domain = \"turn2.example.org\"\n"),
                HasSubstr("of no use without redirect.servers"));
}

}  // namespace
}  // namespace turnpike::relay
