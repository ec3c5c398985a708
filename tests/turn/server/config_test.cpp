#include "turn/server/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/turn/server/config_support.hpp"
#include "turn/server/node_urls.hpp"

namespace turnpike::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(RelayConfig, TakesTheBasicsWithDefaults) {
    const ReadText read{with_basics("")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const Config& c = read.config;
    ASSERT_EQ(c.net.listeners.size(), 1u);
    EXPECT_EQ(c.net.listeners[0].realm, "turnpike");
    ASSERT_EQ(c.net.relay_addresses.size(), 1u);
    EXPECT_EQ(c.net.relay_addresses[0].local.to_string(), "192.0.2.10");
    EXPECT_EQ(c.net.port_min, 49152);
    EXPECT_EQ(c.net.port_max, 65535);
    EXPECT_EQ(c.net.core.allocations_per_subject, 48u);
    EXPECT_EQ(c.cap.allocations, 96u);
    EXPECT_FALSE(c.cap.bandwidth_kbit_s);
    EXPECT_TRUE(c.net.core.relay_v4);
    EXPECT_FALSE(c.net.core.relay_v6);
    EXPECT_FALSE(c.net.core.relay_tcp);
    EXPECT_EQ(c.common.metrics_address->to_string(), "127.0.0.1:9641");
    EXPECT_EQ(c.peers.mode, core::PeerPolicy::Mode::Default);
    EXPECT_EQ(c.net.limits_exempt.size(), 2u);
    ASSERT_EQ(c.users.size(), 1u);
    EXPECT_EQ(c.credentials()->find("ada", "turnpike").size(), 1u);
    EXPECT_TRUE(c.credentials()->find("bob", "turnpike").empty());
}

TEST(RelayConfig, TakesEveryKey) {
    const TempDir dir;
    const auto secret = dir.write("secret", "0123456789abcdef0123456789abcdef\n");
    const ReadText read{R"(
[node]
id = "turn-1"
labels = {region = "fra"}
capacity = 2.5
runtime_dir = "/run/turnpike/relay"
workers = 3
urls = ["turn:turn.example.org:3478?transport=udp"]
[[listen]]
transport = "udp"
address = "0.0.0.0:3478"
realm = "two"
[[listen]]
transport = "tcp"
address = "[::]:3478"
[relay]
address = ["10.0.0.5", "2001:db8::10"]
external_ip = "203.0.113.7"
min_port = 50000
max_port = 50999
default_family = "dual"
channel_range = "rfc5766"
tcp = true
max_lifetime = "30m"
max_session = "6h"
mobility = true
nat_rebinding = true
[auth]
realm = "one"
secrets = [{file = ")" + secret.string() +
                        R"(", id = "k9", issuer = "turnpike", algorithm = "sha256"}]
nonce_lifetime = "5m"
max_ttl = 7200
sha256 = "require"
userhash = false
[redirect]
servers = ["198.51.100.9:3478"]
tls_servers = ["198.51.100.9:5349"]
domain = "turn2.example.org"
[quota]
per_user = 10
per_user_max = 20
total = 1000
permissions = 100
channels = 50
bandwidth_kbit_s = 512
packets_per_second = 2000
new_peers_per_second = 5
new_peers_burst = 50
[peers]
mode = "default"
allow = ["10.0.0.0/8"]
deny = ["198.51.100.0/24"]
[limits]
exempt = ["192.0.2.0/24"]
unauthenticated_per_second = 1.5
unauthenticated_burst = 3
unauthenticated_network_per_second = 8
unauthenticated_network_burst = 9
binding_per_second = 4
binding_burst = 5
stream_sessions = 6
stream_sessions_per_source = 7
[store]
url = "memory://"
[metrics]
address = ""
[log]
level = "warning"
format = "json"
[privacy]
client_ip = "hash"
)"};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const Config& c = read.config;
    EXPECT_EQ(c.common.node_id, "turn-1");
    EXPECT_EQ(c.labels.at("region"), "fra");
    EXPECT_EQ(c.capacity, 2.5);
    EXPECT_EQ(c.net.workers, 3u);
    EXPECT_THAT(c.realms(), ElementsAre("one", "two"));
    EXPECT_EQ(c.net.relay_addresses[0].external.to_string(), "203.0.113.7");
    EXPECT_EQ(c.net.relay_addresses[1].external.to_string(), "2001:db8::10");
    EXPECT_EQ(c.net.core.default_family, core::Config::DefaultFamily::Dual);
    EXPECT_EQ(c.net.core.channel_range, stun::ChannelRange::Rfc5766);
    EXPECT_TRUE(c.net.core.relay_tcp);
    EXPECT_EQ(c.net.core.lifetime_max, 30min);
    EXPECT_EQ(c.net.core.max_session, 6h);
    EXPECT_TRUE(c.net.core.mobility);
    EXPECT_TRUE(c.net.core.nat_rebinding);
    EXPECT_EQ(c.net.core.nonce_lifetime, 5min);
    EXPECT_EQ(c.net.core.credential_ttl_max, 2h);
    EXPECT_EQ(c.secrets[0].id, "k9");
    EXPECT_EQ(c.net.core.allocations_per_subject, 10u);
    EXPECT_EQ(c.cap.allocations, 20u);
    EXPECT_EQ(c.cap.bandwidth_kbit_s, 512u);
    EXPECT_EQ(c.net.core.packets_per_second, 2000);
    EXPECT_EQ(c.net.core.new_peers_per_second, 5);
    EXPECT_EQ(c.net.core.new_peers_burst, 50);
    EXPECT_EQ(c.net.core.allocations_total, 1000u);
    EXPECT_EQ(c.net.core.permissions_max, 100u);
    EXPECT_EQ(c.net.core.channels_max, 50u);
    EXPECT_EQ(c.peers.allow.size(), 1u);
    EXPECT_EQ(c.peers.deny.size(), 1u);
    EXPECT_EQ(c.net.core.unauthenticated_per_second, 1.5);
    EXPECT_EQ(c.net.core.unauthenticated_network_per_second, 8);
    EXPECT_EQ(c.net.core.unauthenticated_network_burst, 9);
    EXPECT_EQ(c.net.core.sha256, core::Config::Sha256::Require);
    EXPECT_FALSE(c.net.core.userhash);
    EXPECT_EQ(c.net.limits.stream_sessions_max, 6u);
    EXPECT_EQ(c.net.core.rate_exempt[0].to_string(), "192.0.2.0/24");
    EXPECT_FALSE(c.common.metrics_address);
    EXPECT_EQ(c.common.client_ip, ops::ClientIp::Hash);
}

// What is refused, and that the message says what to do. Security reference, section 6, rows 64
// to 66.
TEST(RelayConfig, RefusesWhatCannotBeMeant) {
    struct Row {
        std::string text;
        std::string_view expected;
    };
    const Row rows[] = {
        {"", "listen is needed: at least one [[listen]]"},
        {"listen = []\n", "listen is an empty list"},
        {with_basics("[relay]\nmin_port = 65536\n"),
         "relay.toml:7:12: relay.min_port is 65536; it must be between 1 and 65535"},
        {with_basics("[relay]\nmax_port = -1\n"), "relay.max_port is -1"},
        {with_basics("[relay]\nmin_port = 60000\nmax_port = 50000\n"),
         "relay.min_port is 60000 (relay.toml:7) and relay.max_port is 50000 (relay.toml:8)"},
        {with_basics("[relay]\nmin_port = 3000\nmax_port = 4000\n"),
         "relay.toml:1:1: the listener's port 3478 is inside the relay range 3000-4000 "
         "(relay.toml:7)"},
        {with_basics("[relay]\naddress = [\"192.0.2.99\"]\n"),
         "relay.address has 192.0.2.99, which is no address of this machine"},
        {with_basics("[relay]\naddress = [\"0.0.0.0\"]\n"),
         "a relayed address must be a certain one"},
        {with_basics("[relay]\naddress = []\n"), "relay.address is an empty list"},
        {with_basics("[relay]\naddress = [\"10.0.0.5\", \"10.0.0.5\"]\n"), "has 10.0.0.5 twice"},
        {with_basics("[relay]\nexternal_ip = \"2001:db8::7\"\n"),
         "no relay address is of its family"},
        {with_basics(
             "[relay]\naddress = [\"10.0.0.5\", \"192.0.2.10\"]\nexternal_ip = \"203.0.113.7\"\n"),
         "write pairs \"public/private\""},
        {with_basics("[relay]\nexternal_ip = \"203.0.113.7/10.9.9.9\"\n"),
         "maps 10.9.9.9, which is no relay address"},
        {with_basics("[relay]\nexternal_ip = \"auto\"\n"), "is no IP address"},
        {with_basics("[relay]\nexternal_ip = \"127.0.0.1\"\n"), "which nobody else can reach"},
        {with_basics("[relay]\nexternal_ip = [\"203.0.113.7\", \"203.0.113.8\"]\n"),
         "maps 192.0.2.10 twice"},
        {with_basics("[relay]\ndefault_family = \"ipv5\"\n"), "did you mean \"ipv4\"?"},
        {with_basics("[relay]\nmax_lifetime = \"5s\"\n"), "it must be between 1m and 24h"},
        {with_basics("[[listen]]\ntransport = \"udp\"\naddress = \"192.0.2.10:3478\"\n"),
         "has the address of another one (relay.toml:1)"},
        {with_basics("[[listen]]\ntransport = \"udp\"\n"), "listen[1].address is needed"},
        {with_basics("[[listen]]\ntransport = \"dtls\"\naddress = \"192.0.2.10:5349\"\n"),
         "listen[1].certificate is needed for transport = \"dtls\""},
        {with_basics("[[listen]]\ntransport = \"tcp+tls\"\naddress = \"192.0.2.10:443\"\n"),
         "listen[1].key is needed for transport = \"tcp+tls\""},
        {with_basics("[[listen]]\ntransport = \"udp+dtls\"\naddress = \"192.0.2.10:3478\"\n"),
         "has the address of another one (relay.toml:1)"},
        {with_basics("[[listen]]\naddress = \"192.0.2.10:3479\"\nupstream = \"127.0.0.1:80\"\n"),
         "listen[1].upstream is for \"tcp\", \"tls\" and \"tcp+tls\" only"},
        {with_basics("[[listen]]\ntransport = \"tcp\"\naddress = \"192.0.2.10:3479\"\nupstream = "
                     "\"192.0.2.10:3479\"\n"),
         "listen[1].upstream is the listener's own address"},
        {with_basics("[[listen]]\ntransport = \"tcp\"\naddress = \"192.0.2.10:3479\"\nupstream = "
                     "\"0.0.0.0:80\"\n"),
         "where nothing can listen"},
        {with_basics("[[listen]]\naddress = \"192.0.2.10:3479\"\nproxy_protocol = "
                     "[\"10.0.0.1/8\"]\n"),
         "listen[1].proxy_protocol"},
        {with_basics("[[listen]]\ntransport = \"sctp\"\naddress = \"192.0.2.10:5349\"\n"),
         "must be one of \"udp\", \"tcp\", \"tls\""},
        {with_basics("[[listen]]\ntransport = \"tls\"\naddress = \"192.0.2.10:5349\"\n"),
         "listen[1].certificate is needed for transport = \"tls\""},
        {with_basics(
             "[[listen]]\ntransport = \"tcp\"\naddress = \"192.0.2.10:5349\"\nkey = \"k\"\n"),
         "is for transports with TLS or DTLS only"},
        {with_basics("[[listen]]\ntransport = \"tcp\"\naddress = \"192.0.2.99:5349\"\n"),
         "which is no address of this machine"},
        {with_basics("[[listen]]\ntransport = \"tcp\"\naddress = \"192.0.2.10:5349\"\nrealm = "
                     "\"a\\\"b\"\n"),
         "listen[1].realm has a quote"},
        {with_basics("[node]\nurls = [\"http://turn.example.org\"]\n"),
         "which is no turn:, turns: or stun: URL"},
        {with_basics("[node]\nid = \"a b\"\n"), "node.id must be"},
        {with_basics("[node]\nworkers = 100000\n"), "node.workers is 100000"},
        {with_basics("[quota]\nper_user = 50\nper_user_max = 10\n"), "below quota.per_user"},
        {with_basics("[peers]\nmode = \"lab\"\n"),
         "relay.toml:7:8: peers.mode is \"lab\", but the listener 192.0.2.10:3478 (relay.toml:1) "
         "is not loopback"},
        {with_basics("[peers]\nallow = [\"10.20.0.1/16\"]\n"), "did you mean \"10.20.0.0/16\"?"},
        {with_basics("[store]\nurl = \"redis://127.0.0.1\"\n"),
         "store.url is not supported in this version"},
        {with_basics("[metrics]\naddress = \"9641\"\n"), "metrics.address is no address and port"},
        {with_basics("[turn]\n"), "unknown table [turn]"},
        {with_basics("[log]\nlevel = \"verbose\"\n"), "log.level must be one of"},
    };
    for (const Row& row : rows) {
        const ReadText read{row.text};
        EXPECT_FALSE(read.document.ok()) << row.text;
        EXPECT_THAT(read.document.report(), HasSubstr(row.expected)) << row.text;
    }
}

TEST(RelayConfig, SaysAllThatIsWrongAtOnce) {
    const ReadText read{
        "[[listen]]\naddress = \"192.0.2.10\"\n[relay]\nmin_prot = 1\n[quota]\nper_user = 0\n"};
    EXPECT_THAT(read.document.report(),
                HasSubstr("relay.toml:2:11: listen[0].address has no port"));
    EXPECT_THAT(
        read.document.report(),
        HasSubstr(
            "relay.toml:4:1: unknown key \"min_prot\" in [relay]; did you mean \"min_port\"?"));
    EXPECT_THAT(read.document.report(), HasSubstr("relay.toml:6:12: quota.per_user is 0"));
    EXPECT_THAT(read.document.report(), HasSubstr("auth.secrets is needed"));
}

TEST(RelayConfig, IsNeverAnOpenRelay) {
    const std::string listen = "[[listen]]\naddress = \"192.0.2.10:3478\"\n";
    EXPECT_THAT(ReadText{listen}.document.report(),
                HasSubstr("without credentials this would be an open relay"));
    EXPECT_THAT((ReadText{listen, {.dev = true, .lab = true}}.document.report()),
                HasSubstr("only on loopback listeners"));
    EXPECT_TRUE(
        (ReadText{"[[listen]]\naddress = \"127.0.0.1:3478\"\n", {.dev = true}}.document.ok()));
    EXPECT_FALSE(ReadText{"[[listen]]\naddress = \"127.0.0.1:3478\"\n"}.document.ok());
}

TEST(RelayConfig, NamesABadSecretOnceAndNotAsMissing) {
    const ReadText read{
        "[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth]\nsecrets = [{file = "
        "\"/nonexistent/secret\"}]\n"};
    EXPECT_THAT(read.document.report(),
                HasSubstr("auth.secrets[0].file: cannot read /nonexistent/secret: no such file"));
    EXPECT_THAT(read.document.report(), Not(HasSubstr("open relay")));
}

TEST(RelayConfig, RefusesUsersThatAreTwiceThereOrHaveNoPassword) {
    const std::string listen = "[[listen]]\naddress = \"192.0.2.10:3478\"\n";
    const std::string user = "[[auth.users]]\nname = \"ada\"\n";
    const std::string password = "password = {value = \"correct-horse\"}\n";
    EXPECT_THAT(ReadText{listen + user}.document.report(),
                HasSubstr("auth.users[0].password is needed"));
    EXPECT_THAT((ReadText{listen + user + password + user + password}.document.report()),
                HasSubstr("which another user has"));
    EXPECT_THAT((ReadText{listen + user + "password = {value = \"short\"}\n"}.document.report()),
                HasSubstr("at least 8 are wanted"));
    EXPECT_THAT((ReadText{listen + "[[auth.users]]\n" + password}.document.report()),
                HasSubstr("must have 1 to 508 bytes"));
}

TEST(RelayConfig, DevListensOnLoopbackWithLabRules) {
    const ReadText read{"", {.dev = true}};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    std::vector<std::string> listeners;
    for (const net::Listener& l : read.config.net.listeners)
        listeners.push_back(std::string{to_string(l.transport)} + " " + l.address.to_string());
    EXPECT_THAT(listeners, ElementsAre("udp 127.0.0.1:3478", "tcp 127.0.0.1:3478", "udp [::1]:3478",
                                       "tcp [::1]:3478"));
    EXPECT_EQ(read.config.peers.mode, core::PeerPolicy::Mode::Lab);
    EXPECT_EQ(read.config.net.relay_addresses.size(), 2u);

    Machine v4_only = test_machine();
    std::erase(v4_only.addresses, *IpAddress::parse("::1"));
    EXPECT_EQ((ReadText{"", {.dev = true}, v4_only}.config.net.listeners.size()), 2u);
}

TEST(RelayConfig, LabElsewhereNeedsTheFlag) {
    const std::string text = with_basics("[peers]\nmode = \"lab\"\n");
    EXPECT_FALSE(ReadText{text}.document.ok());
    EXPECT_FALSE((ReadText{with_basics(""), {.dev = true}}.document.ok()));
    EXPECT_TRUE((ReadText{text, {.lab = true}}.document.ok()));
}

TEST(RelayConfig, RelaysFromTheDefaultRouteBehindAWildcard) {
    const ReadText both{
        "[[listen]]\naddress = \"0.0.0.0:3478\"\n[[listen]]\naddress = \"[::]:3478\"\n",
        {.dev = true, .lab = true}};
    ASSERT_EQ(both.config.net.relay_addresses.size(), 2u);
    EXPECT_EQ(both.config.net.relay_addresses[0].local.to_string(), "192.0.2.10");
    EXPECT_EQ(both.config.net.relay_addresses[1].local.to_string(), "2001:db8::10");

    Machine routeless = test_machine();
    routeless.default_v4.reset();
    const ReadText none{
        "[[listen]]\naddress = \"0.0.0.0:3478\"\n", {.dev = true, .lab = true}, routeless};
    EXPECT_THAT(none.document.report(), HasSubstr("relay.address is needed"));
}

TEST(RelayConfig, RelaysIpv6OnlyWhereThereIsNoIpv4) {
    const ReadText read{with_basics("[relay]\naddress = [\"2001:db8::10\"]\n")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_EQ(read.config.net.core.default_family, core::Config::DefaultFamily::Listener);
    EXPECT_THAT(
        (ReadText{with_basics("[relay]\naddress = [\"2001:db8::10\"]\ndefault_family = \"ipv4\"\n")}
             .document.report()),
        HasSubstr("no relay address is IPv4"));
}

TEST(RelayConfig, DeniesThisMachineAsAPeerButNotItsRelayAddresses) {
    const ReadText read{with_basics(
        "[relay]\naddress = [\"192.0.2.10\"]\n[metrics]\naddress = \"10.9.9.9:9641\"\n")};
    std::vector<std::string> denied;
    for (const IpAddress& a : read.config.peers.hard_denied) denied.push_back(a.to_string());
    EXPECT_THAT(denied, ElementsAre("127.0.0.1", "::1", "10.0.0.5", "2001:db8::10", "10.9.9.9"));

    const ReadText lab{with_basics("[peers]\nmode = \"lab\"\nallow = [\"10.0.0.0/8\"]\n"),
                       {.lab = true}};
    for (const IpAddress& a : lab.config.peers.hard_denied) EXPECT_NE(a.to_string(), "10.0.0.5");
}

TEST(RelayConfig, DeniesTheNetworksOwnPlaces) {
    Machine machine = test_machine();
    machine.network = {*IpAddress::parse("192.0.2.1"), *IpAddress::parse("192.0.2.255")};
    const ReadText read{with_basics("[relay]\naddress = [\"192.0.2.10\"]\n"), {}, machine};
    EXPECT_THAT(read.config.peers.hard_denied, ::testing::Contains(*IpAddress::parse("192.0.2.1")));
    EXPECT_THAT(read.config.peers.hard_denied,
                ::testing::Contains(*IpAddress::parse("192.0.2.255")));
}

TEST(RelayConfig, ReadsPeerRulesOfRealmsAndPorts) {
    const ReadText read{with_basics(R"(realm = "corp"
[peers]
allow = ["10.20.0.0/16:10000-20000", "fd12:3456::/48"]
deny = "8.8.8.8/32"
allow_ports = ["443", "1024-65535", "80"]
nat64_prefixes = ["2001:db8:64::/96"]
[peers.realm."corp"]
allow = ["192.168.0.0/16:443"]
)")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const core::PeerPolicy::Rules& rules = read.config.peers;
    ASSERT_EQ(rules.allow.size(), 2u);
    EXPECT_EQ(rules.allow[0].to_string(), "10.20.0.0/16:10000-20000");
    EXPECT_EQ(rules.allow_ports.size(), 3u);
    EXPECT_EQ(rules.nat64_prefixes[0].to_string(), "2001:db8:64::/96");
    const core::PeerPolicy::Lists& corp = rules.realms.at("corp");
    ASSERT_EQ(corp.allow.size(), 1u);
    EXPECT_EQ(corp.allow[0].to_string(), "192.168.0.0/16:443");
    EXPECT_EQ(corp.deny, rules.deny) << "what a realm does not say is the node's";
    EXPECT_THAT(read.document.effective(), HasSubstr("[peers.realm.corp]\n"));
    EXPECT_THAT(summary(read.config), HasSubstr("realm corp: 1 allowed and 1 denied blocks"));
}

TEST(RelayConfig, RefusesBadPeerRules) {
    const std::pair<std::string, std::string> bad[] = {
        {"[peers]\nallow = [\"10.20.0.0/16:0\"]\n", "has ports that can't be read"},
        {"[peers]\nallow_ports = [\"443-80\"]\n", "is no range of ports"},
        {"[peers]\nnat64_prefixes = [\"2001:db8::/95\"]\n", "which no NAT64 uses"},
        {"[peers]\nnat64_prefixes = [\"10.0.0.0/8\"]\n", "which no NAT64 uses"},
        {"[peers.realm.nobody]\nallow = []\n", "peers.realm.nobody is no realm of a listener"},
        {"[peers.realm.turnpike]\nalow = []\n", "alow"},
    };
    for (const auto& [text, message] : bad) {
        const ReadText read{with_basics(text)};
        EXPECT_FALSE(read.document.ok()) << text;
        EXPECT_THAT(read.document.report(), HasSubstr(message)) << text;
    }
}

TEST(RelayConfig, ListenersInsideTheRelayRangeAreWarnedOfInTheLab) {
    const ReadText read{"[[listen]]\naddress = \"127.0.0.1:50000\"\n", {.dev = true}};
    EXPECT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_THAT(read.document.report(),
                HasSubstr("warning: the listener's port 50000 is inside the relay range"));
}

TEST(RelayConfig, WarnsOfARealmThatMakesLongAnswers) {
    EXPECT_DOUBLE_EQ(worst_amplification(ReadText{with_basics("")}.config), 3.0);
    const ReadText read{"[[listen]]\naddress = \"192.0.2.10:3478\"\n[auth]\nrealm = \"" +
                        std::string(100, 'x') +
                        "\"\nusers = [{name = \"ada\", password = {value = \"correct-horse\"}}]\n"};
    EXPECT_GT(worst_amplification(read.config), 5.0);
    EXPECT_TRUE(read.document.ok());
    EXPECT_THAT(read.document.report(), HasSubstr("warning: auth.realm is long"));
    EXPECT_FALSE((ReadText{"[auth]\nrealm = \"" + std::string(128, 'x') + "\"\n"}.document.ok()));
}

TEST(RelayConfig, PrintsItselfSoThatItCanBeReadAgain) {
    const std::string text = with_basics(
        "[node]\nid = \"turn-1\"\nlabels = {region = \"fra\"}\n[relay]\nexternal_ip = "
        "\"203.0.113.7\"\n[peers]\nallow = [\"10.0.0.0/8\"]\n");
    const ReadText first{text};
    const std::string printed = first.document.effective();
    EXPECT_THAT(printed, Not(HasSubstr("correct-horse")));
    EXPECT_THAT(printed, HasSubstr("value = \"(redacted)\""));
    const ReadText second{printed};
    ASSERT_TRUE(second.document.ok()) << second.document.report() << printed;
    EXPECT_EQ(second.config.net.relay_addresses[0].external.to_string(), "203.0.113.7");
    EXPECT_EQ(second.config.labels.at("region"), "fra");
}

TEST(RelayConfig, SummaryTellsWhatWillHappen) {
    const ReadText read{with_basics("[relay]\nexternal_ip = \"203.0.113.7\"\n")};
    const std::string text = summary(read.config);
    EXPECT_THAT(text, HasSubstr("listen   udp 192.0.2.10:3478, realm turnpike\n"));
    EXPECT_THAT(
        text, HasSubstr("relay    192.0.2.10, known outside as 203.0.113.7, ports 49152-65535\n"));
    EXPECT_THAT(text, HasSubstr("url      turn:203.0.113.7:3478?transport=udp\n"));
    EXPECT_THAT(text, HasSubstr("times a stranger's request"));
}

net::Listener listener(Transport transport, const char* address) {
    net::Listener out;
    out.transport = transport;
    out.address = *Endpoint::parse(address);
    return out;
}

TEST(NodeUrls, AreUdpAndThenTlsOrElseTcp) {
    const std::vector<core::RelayDirectory::Address> relays{
        {*IpAddress::parse("10.0.0.5"), *IpAddress::parse("203.0.113.7")}};
    const auto udp = listener(Transport::Udp, "0.0.0.0:3478"),
               tcp = listener(Transport::Tcp, "10.0.0.5:3478"),
               tls = listener(Transport::Tls, "0.0.0.0:5349");
    EXPECT_THAT(
        node_urls({tcp, tls, udp}, relays),
        ElementsAre("turn:203.0.113.7:3478?transport=udp", "turns:203.0.113.7:5349?transport=tcp"));
    EXPECT_THAT(node_urls({udp, tcp}, relays), ElementsAre("turn:203.0.113.7:3478?transport=udp",
                                                           "turn:203.0.113.7:3478?transport=tcp"));
    EXPECT_THAT(node_urls({tls}, relays), ElementsAre("turns:203.0.113.7:5349?transport=tcp"));
    EXPECT_THAT(node_urls({}, relays), ElementsAre());
    auto both = tcp, datagrams = udp;
    both.also_secure = datagrams.also_secure = true;
    EXPECT_THAT(node_urls({both, datagrams}, relays),
                ElementsAre("turn:203.0.113.7:3478?transport=udp",
                            "turns:203.0.113.7:3478?transport=tcp"));
}

TEST(NodeUrls, KeepAListenersOwnAddressWhenItIsNoRelayAddress) {
    const std::vector<core::RelayDirectory::Address> relays{
        {*IpAddress::parse("127.0.0.1"), *IpAddress::parse("127.0.0.1")}};
    EXPECT_THAT(node_urls({listener(Transport::Udp, "[::1]:3478")}, relays),
                ElementsAre("turn:[::1]:3478?transport=udp"));
    // A wildcard of a family without a relay address cannot be named.
    EXPECT_THAT(node_urls({listener(Transport::Udp, "[::]:3478")}, relays), ElementsAre());
}

TEST(NodeUrls, AreToldFromSlips) {
    for (const char* good :
         {"turn:turn.example.org", "turns:[2001:db8::1]:5349?transport=tcp", "stun:192.0.2.1:3478"})
        EXPECT_TRUE(is_ice_url(good)) << good;
    for (const char* bad :
         {"", "turn:", "turn.example.org", "turn://x", "turn:a b", "http:x", "turn:?transport=udp"})
        EXPECT_FALSE(is_ice_url(bad)) << bad;
}

}  // namespace
}  // namespace turnpike::relay
