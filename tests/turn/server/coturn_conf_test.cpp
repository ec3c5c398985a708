// turnserver.conf, read by the relay: what of it is in effect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/turn/server/config_support.hpp"
#include "turn/server/load.hpp"

namespace turnpike::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

struct ReadCoturn {
    explicit ReadCoturn(std::string_view text, const std::vector<std::string>& set = {}) {
        auto conf = config::coturn::Conf::read(
            text, {.name = "turnserver.conf", .directory = {}, .ipv6 = true});
        document.translated(std::move(conf.translation));
        for (auto& [place, message] : conf.problems) document.problem(place, std::move(message));
        for (const std::string& assignment : set) document.set(assignment);
        config = read_config(document, test_machine(), {});
    }
    config::Document document;
    Config config;
};

constexpr std::string_view kSecret = "static-auth-secret=0123456789abcdef\n";

TEST(RelayFromCoturn, HasWhatTheFileSays) {
    const ReadCoturn read{
        std::string{kSecret} +
        "listening-ip=192.0.2.10\nlistening-port=3479\nrelay-ip=10.0.0.5\nexternal-ip=203.0.113.7/"
        "10.0.0.5\n"
        "min-port=50000\nmax-port=50999\nrealm=example.org\nuser-quota=12\ntotal-quota=1200\nmax-"
        "bps=64000\n"
        "stale-nonce=300\nmobility\nno-tcp-relay\nrelay-threads=3\nalternate-server=192.0.2.77\n"
        "allowed-peer-ip=10.0.0.0-10.0.0.7\ndenied-peer-ip=83.166.64.0-83.166.95.255\nno-udp\n"};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const net::Options& net = read.config.net;
    ASSERT_THAT(net.listeners, SizeIs(1));
    EXPECT_EQ(net.listeners[0].transports() + " " + net.listeners[0].address.to_string(),
              "tcp 192.0.2.10:3479");
    ASSERT_THAT(net.relay_addresses, SizeIs(1));
    EXPECT_EQ(net.relay_addresses[0].local.to_string(), "10.0.0.5");
    EXPECT_EQ(net.relay_addresses[0].external.to_string(), "203.0.113.7");
    EXPECT_EQ(net.port_min, 50000);
    EXPECT_EQ(net.port_max, 50999);
    EXPECT_EQ(read.config.realm, "example.org");
    EXPECT_EQ(net.core.allocations_per_subject, 12U);
    EXPECT_EQ(net.core.allocations_total, 1200U);
    EXPECT_EQ(net.core.bandwidth_kbit_s, 1024U);
    EXPECT_EQ(net.core.nonce_lifetime, 300s);
    EXPECT_TRUE(net.core.mobility);
    EXPECT_FALSE(net.core.relay_tcp);
    EXPECT_EQ(net.core.channel_range, stun::ChannelRange::Rfc5766);
    EXPECT_EQ(net.workers, 3U);
    EXPECT_THAT(read.config.secrets, SizeIs(1));
    ASSERT_THAT(read.config.peers.allow, SizeIs(1));
    EXPECT_EQ(read.config.peers.allow[0].to_string(), "10.0.0.0/29");
    ASSERT_THAT(read.config.peers.deny, SizeIs(1));
    EXPECT_EQ(read.config.peers.deny[0].to_string(), "83.166.64.0/19");
}

TEST(RelayFromCoturn, ListensEverywhereAndSetsNoQuotaUnlessToldTo) {
    const ReadCoturn read{kSecret};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    std::vector<std::string> listeners;
    for (const net::Listener& each : read.config.net.listeners)
        listeners.push_back(each.transports() + " " + each.address.to_string());
    EXPECT_THAT(listeners, ElementsAre("udp 0.0.0.0:3478", "tcp 0.0.0.0:3478", "udp [::]:3478",
                                       "tcp [::]:3478"));
    EXPECT_EQ(read.config.net.core.allocations_per_subject, 1'000'000U);
    EXPECT_TRUE(read.config.net.core.relay_tcp);
    EXPECT_EQ(read.config.net.core.credential_ttl_max, 720h);
}

TEST(RelayFromCoturn, NamesTheLineOfWhatTheRelayRefuses) {
    EXPECT_THAT(ReadCoturn{std::string{kSecret} + "listening-ip=198.51.100.1\n"}.document.report(),
                HasSubstr("turnserver.conf:2:14: listen[0].address is 198.51.100.1:3478, which is "
                          "no address of this machine"));
    EXPECT_THAT(
        ReadCoturn{std::string{kSecret} + "min-port=60000\nmax-port=50000\n"}.document.report(),
        HasSubstr("relay.min_port is 60000 (turnserver.conf:2) and relay.max_port is 50000 "
                  "(turnserver.conf:3)"));
    EXPECT_THAT(ReadCoturn{std::string{kSecret} + "listening-ip=192.0.2.10\nmin-port=3000\n"}
                    .document.report(),
                HasSubstr("turnserver.conf:2:14: the listener's port 3478 is inside the relay "
                          "range 3000-65535 (turnserver.conf:3)"));
    const std::string shorter = ReadCoturn{"realm=x\nstatic-auth-secret=north\n"}.document.report();
    EXPECT_THAT(shorter,
                HasSubstr("turnserver.conf:2:20: auth.secrets[0].value names no good secret"));
    EXPECT_THAT(shorter, Not(HasSubstr("north")));
    EXPECT_THAT(ReadCoturn{"realm=x\n"}.document.report(),
                HasSubstr("turnserver.conf: auth.secrets is needed"));
}

TEST(RelayFromCoturn, LaysFlagsOverTheFile) {
    const ReadCoturn read{std::string{kSecret} + "min-port=50000\n",
                          {"relay.min_port=51000", "listen.0.address=192.0.2.10:3500"}};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_EQ(read.config.net.port_min, 51000);
    EXPECT_EQ(read.config.net.listeners[0].address.port, 3500);
    EXPECT_THAT(read.document.effective(), HasSubstr("--set relay.min_port"));
    EXPECT_THAT(read.document.effective(), HasSubstr("# turnserver.conf:1\n"));
    EXPECT_THAT(read.document.effective(), Not(HasSubstr("0123456789abcdef")));
}

TEST(RelayFromCoturn, LoadsTheFileAndStopsAtWhatWouldLetMoreThrough) {
    TempDir folder;
    const auto file = folder.path() / "turnserver.conf";
    const auto load_text = [&](std::string_view text) {
        std::ofstream{file} << text;
        Options options;
        options.coturn_conf = file;
        return load(options, from_unix_seconds(1'800'000'000));
    };
    const Loaded good =
        load_text(std::string{kSecret} + "listening-ip=127.0.0.1\nverbose\nserver-relay\n");
    EXPECT_TRUE(good.document.ok()) << good.document.report();
    EXPECT_EQ(good.coturn.entries[3].to_string("t"),
              "t:4: server-relay: unsupported: nothing is relayed without a permission (RFC 8656)");
    const Loaded strict = load_text(
        std::string{kSecret} + "listening-ip=127.0.0.1\nCA-file=/etc/ca.pem\nno-udp-relay=no\n");
    EXPECT_FALSE(strict.document.ok());
    EXPECT_THAT(
        strict.document.report(),
        HasSubstr(
            "turnserver.conf:3:1: CA-file cannot be had: clients are not asked for certificates"));
    EXPECT_THAT(strict.document.report(), Not(HasSubstr("no-udp-relay")));

    std::filesystem::permissions(file, std::filesystem::perms{0644});
    const Loaded open = load_text(
        std::string{kSecret} + "listening-ip=127.0.0.1\nredis-userdb=\"ip=127.0.0.1 dbname=3\"\n");
    EXPECT_TRUE(open.document.ok());
    EXPECT_THAT(
        open.document.report(),
        HasSubstr(
            "turnserver.conf: warning: has secrets, and everybody on this machine may read it"));
    EXPECT_EQ(open.coturn.redis_userdb->database, 3U);
    std::filesystem::permissions(file, std::filesystem::perms{0640});
    EXPECT_THAT(load_text(kSecret).document.report(), Not(HasSubstr("may read it")));

    Options nowhere;
    nowhere.coturn_conf = folder.path() / "nothing.conf";
    const Loaded missing = load(nowhere, from_unix_seconds(1'800'000'000));
    EXPECT_THAT(missing.document.report(), HasSubstr("nothing.conf: no such file"));
}

// docs/coming-from-coturn.md has the options' table as the code has it.
TEST(ComingFromCoturn, HasTheTableOfTheCode) {
    std::ifstream file{std::filesystem::path{TURNPIKE_SOURCE_DIR} / "docs/coming-from-coturn.md"};
    std::stringstream page;
    page << file.rdbuf();
    const std::string table = config::coturn::options_page();
    EXPECT_NE(page.str().find(table), std::string::npos) << "the page should have this:\n" << table;
}

}  // namespace
}  // namespace turnpike::relay
