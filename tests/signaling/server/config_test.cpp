#include "signaling/server/config.hpp"

#include <gtest/gtest.h>

#include "signaling/server/options.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::signaling {
namespace {

class SignalingConfigTest : public ::testing::Test {
protected:
    SignalingConfigTest() {
        secret = directory.write("secret", "0123456789abcdef0123\n").string();
        keys = directory.write("keys", "key-one-0123456789\nkey-two-0123456789\n").string();
    }
    SignalingConfig read(const std::string& text, bool dev = false) {
        config::Document document{{.dev = dev}};
        document.parse(text, "signaling.toml");
        SignalingConfig config = read_config(document);
        document.finish();
        report = document.report();
        ok = document.ok();
        return config;
    }
    std::string auth() const { return "[auth]\nsecrets=[{file=\"" + secret + "\", id=\"k1\", issuer=\"turnpike\"}]\n"; }

    TempDir directory;
    std::string secret, keys, report;
    bool ok = false;
};

TEST_F(SignalingConfigTest, HasGoodDefaults) {
    const SignalingConfig config = read(auth());
    ASSERT_TRUE(ok) << report;
    EXPECT_EQ(config.web.address.to_string(), "127.0.0.1:8080");
    EXPECT_EQ(config.common.metrics_address->to_string(), "127.0.0.1:9642");
    ASSERT_EQ(config.relays.size(), 1U);
    EXPECT_TRUE(config.relays[0].string().ends_with("/relay/admin.sock"));
    EXPECT_EQ(config.hub.members_max, 8U);
    EXPECT_EQ(config.hub.empty_ttl, 30s);
    EXPECT_EQ(config.hub.rejoin_grace, 5s);
    EXPECT_EQ(config.hub.ice.ttl, 1h);
    EXPECT_TRUE(config.hub.limits.is_exempt(*IpAddress::parse("127.0.0.1")));
    EXPECT_TRUE(config.hub.limits.is_exempt(*IpAddress::parse("::1")));
    EXPECT_FALSE(config.hub.limits.is_exempt(*IpAddress::parse("192.0.2.1")));
    EXPECT_TRUE(config.api_keys.empty());
}

TEST_F(SignalingConfigTest, ReadsEveryKey) {
    const SignalingConfig config = read(R"(
relays = ["/run/a.sock", "/run/b.sock"]
[node]
id = "s1"
[listen]
address = "[::1]:8443"
certificate = "c.pem"
key = "k.pem"
[web]
root = "/srv/page"
origins = ["https://app.example"]
trusted_proxies = ["10.0.0.0/8"]
[credentials]
ttl = "20s"
bandwidth_kbit_s = 256
relay_peers_only = true
[rooms]
max_members = 12
empty_ttl = "1m"
rejoin_grace = "2500ms"
[limits]
exempt = []
sessions = 50
rooms = 60
sessions_per_source = 7
hello = "2s"
joins_per_minute = 30
creates_per_minute = 3
ice_per_minute = 12
signals_per_second = 40
signals_burst = 200
)" + auth() + "realm = \"example.org\"\napi_keys = [{file=\"" + keys + "\"}]\n");
    ASSERT_TRUE(ok) << report;
    EXPECT_EQ(config.relays, (std::vector<std::filesystem::path>{"/run/a.sock", "/run/b.sock"}));
    EXPECT_EQ(config.common.node_id, "s1");
    EXPECT_EQ(config.web.address.to_string(), "[::1]:8443");
    EXPECT_EQ(config.web.certificate, "c.pem");
    EXPECT_EQ(config.web.root, "/srv/page");
    EXPECT_EQ(config.web.origins, (std::vector<std::string>{"https://app.example"}));
    EXPECT_EQ(config.web.trusted_proxies, (std::vector<Cidr>{*Cidr::parse("10.0.0.0/8")}));
    EXPECT_EQ(config.realm, "example.org");
    ASSERT_EQ(config.secrets.size(), 1U);
    EXPECT_EQ(config.secrets[0].kid, "k1");
    EXPECT_TRUE(config.secrets[0].issued_by_turnpike);
    EXPECT_EQ(config.secrets[0].value, Secret{std::string_view{"0123456789abcdef0123"}});
    ASSERT_EQ(config.api_keys.size(), 2U);
    EXPECT_EQ(config.api_keys[1], Secret{std::string_view{"key-two-0123456789"}});
    EXPECT_EQ(config.hub.ice.ttl, 20s);
    EXPECT_EQ(config.hub.ice.bandwidth_kbit_s, 256U);
    EXPECT_TRUE(config.hub.ice.relay_peers_only);
    EXPECT_EQ(config.hub.members_max, 12U);
    EXPECT_EQ(config.hub.empty_ttl, 60s);
    EXPECT_EQ(config.hub.rejoin_grace, 2500ms);
    const Limits& limits = config.hub.limits;
    EXPECT_FALSE(limits.is_exempt(*IpAddress::parse("127.0.0.1")));
    EXPECT_EQ(limits.sessions, 50U);
    EXPECT_EQ(limits.rooms, 60U);
    EXPECT_EQ(limits.sessions_per_source, 7U);
    EXPECT_EQ(limits.hello, 2s);
    EXPECT_EQ(limits.join.burst, 30);
    EXPECT_EQ(limits.join.per_second, 0.5);
    EXPECT_EQ(limits.create.burst, 3);
    EXPECT_EQ(limits.ice.burst, 12);
    EXPECT_EQ(limits.signal.per_second, 40);
    EXPECT_EQ(limits.signal.burst, 200);
}

TEST_F(SignalingConfigTest, ReadsRegions) {
    const SignalingConfig config = read(auth() + "[regions]\nfra = [\"192.0.2.0/24\", \"2001:db8::/32\"]\nnyc = \"192.0.2.128/25\"\n");
    EXPECT_TRUE(ok) << report;
    EXPECT_EQ(config.hub.regions.find(*IpAddress::parse("192.0.2.1")), "fra");
    EXPECT_EQ(config.hub.regions.find(*IpAddress::parse("192.0.2.200")), "nyc");
    EXPECT_EQ(config.hub.regions.find(*IpAddress::parse("198.51.100.1")), "");
}

TEST_F(SignalingConfigTest, RefusesEachMistakeWithItsPlace) {
    for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
             {"", "auth"},
             {"[auth]\nsecrets=[]\n[rooms]\nmax_members=17", "signaling.toml:4:13"},
             {auth() + "[rooms]\nmax_members=1", "max_members"},
             {auth() + "[credentials]\nttl=\"5s\"", "ttl"},
             {auth() + "[listen]\ncertificate=\"c.pem\"", "key"},
             {auth() + "[listen]\naddress=\"nowhere\"", "address"},
             {auth() + "[web]\norigins=[\"app.example\"]", "origin"},
             {auth() + "[web]\nrot=\"x\"", "root"},
             {auth() + "[store]\nurl=\"redis://localhost\"", "not supported in this version"},
             {auth() + "[limits]\nexempt=[\"10.0.0.1/8\"]", "exempt"},
             {auth() + "[regions]\nfra=[\"10.0.0.1/8\"]", "regions.fra"},
             {auth() + "[regions]\nfra=7", "regions.fra"},
             {"[auth]\nsecrets=[{value=\"short\"}]", "16"}}) {
        read(text);
        EXPECT_FALSE(ok) << text;
        EXPECT_NE(report.find(part), std::string::npos) << text << "\n" << report;
    }
}

TEST_F(SignalingConfigTest, NeedsNoSecretOnADevelopersMachine) {
    const SignalingConfig config = read("", true);
    EXPECT_TRUE(ok) << report;
    EXPECT_TRUE(config.secrets.empty());
}

TEST(SignalingOptions, ReadTheCommandLine) {
    int code = 0;
    const char* argv[] = {"turnpike-signaling", "--config", "/x.toml", "--set", "a.b=1", "--set", "c=2", "--check", "--dev"};
    const auto options = Options::parse(9, argv, code);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->config, "/x.toml");
    EXPECT_EQ(options->set, (std::vector<std::string>{"a.b=1", "c=2"}));
    EXPECT_TRUE(options->check);
    EXPECT_TRUE(options->dev);
    EXPECT_FALSE(options->print_config);

    const char* none[] = {"turnpike-signaling"};
    EXPECT_EQ(Options::parse(1, none, code)->config, "/etc/turnpike/signaling.toml");
    const char* dev[] = {"turnpike-signaling", "--dev"};
    EXPECT_EQ(Options::parse(2, dev, code)->config, "");
}

TEST(SignalingOptions, EndWithTwoOnAUsageErrorAndZeroOnHelp) {
    int code = 0;
    ::testing::internal::CaptureStderr();
    ::testing::internal::CaptureStdout();
    const char* bad[] = {"turnpike-signaling", "--port", "1"};
    EXPECT_FALSE(Options::parse(3, bad, code));
    EXPECT_EQ(code, 2);
    const char* help[] = {"turnpike-signaling", "--help"};
    EXPECT_FALSE(Options::parse(2, help, code));
    EXPECT_EQ(code, 0);
    const char* version[] = {"turnpike-signaling", "--version"};
    EXPECT_FALSE(Options::parse(2, version, code));
    EXPECT_EQ(code, 0);
    EXPECT_NE(::testing::internal::GetCapturedStdout().find("turnpike-signaling"), std::string::npos);
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
}

TEST_F(SignalingConfigTest, IsReadFromFileWithSettingsLaidOver) {
    Options options;
    options.config = directory.write("signaling.toml", auth());
    options.set = {"rooms.max_members=4", "listen.address=127.0.0.1:0"};
    config::Document document = options.load();
    const SignalingConfig config = read_config(document);
    document.finish();
    EXPECT_TRUE(document.ok()) << document.report();
    EXPECT_EQ(config.hub.members_max, 4U);
    EXPECT_EQ(config.web.address.port, 0);
    EXPECT_EQ(document.secret_files(), (std::vector<std::filesystem::path>{secret}));
    EXPECT_EQ(document.effective().find("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace turnpike::signaling
