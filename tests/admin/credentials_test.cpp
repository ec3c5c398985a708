#include <fstream>

#include "tests/admin/cli_fixture.hpp"

#include "common/crypto/turn_rest.hpp"

namespace turnpike::admin::test {
namespace {

using Credentials = CliTest;

TEST_F(Credentials, MintAsksSignalingAndShowsWhatItGot) {
    const Outcome run = on_terminal({"credentials", "mint", "--user", "alice", "--ttl", "10m", "--allocations", "4"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("username     1800003600:alice;k=k1\n"));
    EXPECT_THAT(run.out, HasSubstr("credential   p+w/=\n"));
    EXPECT_EQ(Json::parse(signaling_.requests().back().body), (Json{{"user", "alice"}, {"ttl_seconds", 600}, {"allocations", 4}}));
}

TEST_F(Credentials, MintForAMemberOfARoom) {
    EXPECT_EQ(cli({"credentials", "mint", "--room", "standup", "--participant", "p1", "--policy", "relay"}).code, 0);
    EXPECT_EQ(Json::parse(signaling_.requests().back().body),
              (Json{{"room", "standup"}, {"participant", "p1"}, {"ttl_seconds", 3600}, {"policy", "relay"}}));
}

TEST_F(Credentials, MintInTheFormsThatGetPasted) {
    const Json ice = Json::parse(cli({"credentials", "mint", "--user", "alice", "-o", "ice-json"}).out);
    EXPECT_EQ(ice.at("iceServers")[0].at("credential"), "p+w/=");
    const Outcome js = cli({"credentials", "mint", "--user", "alice", "-o", "js"});
    EXPECT_THAT(js.out, ::testing::StartsWith("const connection = new RTCPeerConnection({"));
    EXPECT_THAT(js.out, ::testing::EndsWith("});\n"));
    EXPECT_EQ(cli({"credentials", "mint", "--user", "alice", "-o", "uclient"}).out,
              "turnutils_uclient -y -s -c -n 100 -m 2 -u '1800003600:alice;k=k1' -w 'p+w/=' -p 3478 127.0.0.1\n");
    EXPECT_EQ(json_of({"credentials", "mint", "--user", "alice"}, "Credential").at("items")[0].at("relay"), "r1");
}

TEST_F(Credentials, MintWritesTlsAndIpv6UrlsForUclient) {
    signaling_.answer("POST /v1/credentials", {200, R"({"username":"u","credential":"it's","ice_servers":[{"urls":"turns:[::1]:5350?transport=tcp"}]})"});
    EXPECT_EQ(cli({"credentials", "mint", "--user", "alice", "-o", "uclient"}).out,
              "turnutils_uclient -y -s -c -n 100 -m 2 -t -S -u 'u' -w 'it'\\''s' -p 5350 ::1\n");
}

TEST_F(Credentials, MintRefusesWhatItCannotMint) {
    EXPECT_EQ(cli({"credentials", "mint"}).code, 2);
    EXPECT_EQ(cli({"credentials", "mint", "--user", "alice", "--ttl", "soon"}).code, 2);
    EXPECT_EQ(cli({"credentials", "mint", "--user", "alice", "-o", "yaml"}).code, 2);
    EXPECT_EQ(cli({"credentials", "mint", "--user", "alice", "--room", "standup"}).code, 2);
    EXPECT_EQ(cli({"credentials", "mint", "--room", "standup"}).code, 2);
}

TEST_F(Credentials, MintPassesARefusalOn) {
    signaling_.answer("POST /v1/credentials", {400, R"({"error":{"code":"bad_request","message":"ttl_seconds is over auth.max_ttl"}})"});
    const Outcome run = cli({"credentials", "mint", "--user", "alice"});
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, HasSubstr("ttl_seconds is over auth.max_ttl"));
}

TEST_F(Credentials, MintWithTheSecretItselfNeedsNoSignaling) {
    const auto file = folder_.path() / "secret";
    std::ofstream{file} << "sixteen bytes or more\n";
    const Json json = json_of({"credentials", "mint", "--user", "bob", "--secret-file", file.string(), "--kid", "k1", "--allocations", "3"}, "Credential");
    const Json& item = json.at("items")[0];
    EXPECT_EQ(item.at("username"), "1800003600:bob;k=k1;a=3");
    const crypto::RestSecret secret{.kid = "k1", .value = Secret{std::string_view{"sixteen bytes or more"}}, .algorithm = crypto::RestSecret::Algorithm::HmacSha1, .issued_by_turnpike = true};
    EXPECT_EQ(item.at("credential"), crypto::rest_password(secret, "1800003600:bob;k=k1;a=3"));
    EXPECT_EQ(item.at("ice_servers")[0].at("urls")[0], "turn:127.0.0.1:3478?transport=udp");
    for (const Request& request : signaling_.requests()) EXPECT_NE(request.method, "POST");
}

TEST_F(Credentials, MintRefusesAShortSecretAndAnEvilUser) {
    const auto file = folder_.path() / "secret";
    std::ofstream{file} << "short\n";
    EXPECT_EQ(cli({"credentials", "mint", "--user", "bob", "--secret-file", file.string()}).code, 1);
    std::ofstream{file} << "sixteen bytes or more\n";
    EXPECT_EQ(cli({"credentials", "mint", "--user", "bob;a=900", "--secret-file", file.string()}).code, 2);
    EXPECT_EQ(cli({"credentials", "mint", "--user", "bob", "--secret-file", "/nonexistent"}).code, 1);
}

}  // namespace
}  // namespace turnpike::admin::test
