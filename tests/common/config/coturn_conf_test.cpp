#include "common/config/coturn_conf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/config/document.hpp"

namespace turnpike::config::coturn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Conf read(std::string_view text) {
    return Conf::read(text, {.name = "turnserver.conf", .directory = "/etc", .ipv6 = true});
}

/// The entry of a line.
const Entry& at(const Conf& conf, std::uint32_t line) {
    const auto found =
        std::ranges::find(conf.entries, line, [](const Entry& e) { return e.at.line; });
    EXPECT_NE(found, conf.entries.end()) << line;
    return *found;
}
/// The entry of an option that is not there; nullptr without one.
const Entry* absent(const Conf& conf, std::string_view option) {
    for (const Entry& entry : conf.entries) {
        if (entry.at.line == 0 && entry.option == option) return &entry;
    }
    return nullptr;
}

std::string problem(const Conf& conf) {
    EXPECT_THAT(conf.problems, SizeIs(1));
    if (conf.problems.size() != 1) return {};
    const auto& [place, message] = conf.problems.front();
    return std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + message;
}

/// Whether the TOML is TOML.
void expect_toml(const Conf& conf) {
    Document document;
    Translation copy = conf.translation;
    document.translated(std::move(copy));
    EXPECT_TRUE(document.ok()) << document.report() << conf.translation.toml;
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(conf.translation.toml, '\n')),
              conf.translation.origins.size());
}

TEST(CoturnConf, DoesWithEveryOptionWhatTheTableSays) {
    constexpr std::string_view kAround =
        "listening-ip=192.0.2.10\nlistening-ip=10.0.0.5\ncert=c.pem\npkey=k.pem\nprometheus\n";
    for (const Option& option : options()) {
        std::string text{kAround};
        if (option.name != "user") text += "static-auth-secret=0123456789abcdef\n";
        text += std::string{option.name} +
                (option.sample.empty() ? "" : "=" + std::string{option.sample}) + "\n";
        const Conf conf = read(text);
        EXPECT_THAT(conf.problems, IsEmpty()) << option.name;
        const auto lines = static_cast<std::uint32_t>(std::ranges::count(text, '\n'));
        const Entry& entry = at(conf, lines);
        EXPECT_EQ(entry.option, option.name);
        EXPECT_EQ(entry.outcome, option.outcome) << option.name << ": " << to_string(entry.outcome);
        EXPECT_EQ(entry.stops, option.stops) << option.name;
        if (option.outcome == Outcome::Mapped) {
            EXPECT_EQ(entry.key, option.keys) << option.name;
            const std::string_view key = option.keys.substr(option.keys.find('.') + 1);
            EXPECT_THAT(conf.translation.toml, HasSubstr(std::string{key})) << option.name;
        } else {
            EXPECT_FALSE(entry.note.empty()) << option.name;
        }
        if (option.secret) {
            EXPECT_EQ(entry.given, "(redacted)");
            EXPECT_THAT(conf.translation.shown, Not(HasSubstr(std::string{option.sample})))
                << option.name;
        }
        expect_toml(conf);
    }
}

TEST(CoturnConf, KnowsOptionsByEveryNameOfTheirs) {
    EXPECT_EQ(find_option("--listening-port"), find_option("listening-port"));
    EXPECT_EQ(find_option("-p"), find_option("listening-port"));
    EXPECT_EQ(find_option("p"), find_option("listening-port"));
    EXPECT_EQ(find_option("sql-userdb")->name, "psql-userdb");
    EXPECT_EQ(find_option("db")->name, "userdb");
    EXPECT_EQ(find_option("V")->name, "Verbose");
    EXPECT_EQ(find_option("v")->name, "verbose");
    for (const char* none : {"", "-", "--", "x", "listening", "--listening-port-"})
        EXPECT_EQ(find_option(none), nullptr) << none;
}

TEST(CoturnConf, TakesLinesAsPeopleWriteThem) {
    const Conf conf = read(
        "\xEF\xBB\xBF# a comment\r\n\r\n  --min-port = 50000   \r\n\tmax-port\t60000 # inline\r\n"
        "realm=\"quoted.example\" # inline\nuser-quota=12 # 4 streams, 3 calls\nno-tls\nno-dtls = "
        "on # yes\n"
        "static-auth-secret = 0123456789abcdef  \nmobility=0\npidfile='/run/x y.pid'\n#no-udp");
    EXPECT_THAT(conf.problems, IsEmpty());
    EXPECT_EQ(at(conf, 3).value, "50000");
    EXPECT_EQ(at(conf, 4).value, "60000");
    EXPECT_EQ(at(conf, 5).value, "\"quoted.example\"");
    EXPECT_EQ(at(conf, 6).value, "12");
    EXPECT_EQ(at(conf, 8).outcome, Outcome::Mapped);
    EXPECT_EQ(at(conf, 10).outcome, Outcome::Default);
    EXPECT_EQ(at(conf, 11).given, "/run/x y.pid");
    EXPECT_THAT(conf.translation.toml, HasSubstr("{ value = \"0123456789abcdef\" },  # line 9\n"));
    EXPECT_THAT(conf.translation.toml, Not(HasSubstr("mobility")));
    EXPECT_TRUE(conf.all_done());
    expect_toml(conf);
}

// turnserver 4.6.1 was seen to check credentials with all of "abcdefghijklmnopqrst # comment".
TEST(CoturnConf, TakesWhatLooksLikeACommentAsAPartOfASecret) {
    const Conf conf = read("static-auth-secret=abcdefghijklmnopqrst # comment\n");
    EXPECT_THAT(conf.translation.toml, HasSubstr("\"abcdefghijklmnopqrst # comment\""));
    EXPECT_TRUE(at(conf, 1).notable);
    EXPECT_THAT(at(conf, 1).note, HasSubstr("part of the value"));
    EXPECT_THAT(read("static-auth-secret=\"with # inside\"\n").translation.toml,
                HasSubstr("\"with # inside\""));
}

TEST(CoturnConf, NamesThePlaceOfWhatIsWrong) {
    EXPECT_EQ(problem(read("realm=x\n min-port = 70000\n")),
              "2:13: min-port is 70000; it must be between 1 and 65535");
    EXPECT_EQ(problem(read("max-port=49k")), "1:10: max-port is \"49k\", which is no number");
    EXPECT_EQ(
        problem(read("listening-ip=eth0")),
        "1:14: listening-ip is \"eth0\", which is no IP address; write it as \"192.0.2.1\" or "
        "\"2001:db8::1\" (coturn looks names up when it starts; that is not done here)");
    EXPECT_EQ(problem(read("denied-peer-ip=10.0.0.9-10.0.0.1")),
              "1:16: denied-peer-ip is \"10.0.0.9-10.0.0.1\", which ends before it begins");
    EXPECT_THAT(problem(read("external-ip=203.0.113.7/here")),
                HasSubstr("1:13: external-ip is \"here\""));
    EXPECT_THAT(problem(read("aux-server=127.0.0.1")),
                HasSubstr("1:12: aux-server is \"127.0.0.1\", which has no port"));
    EXPECT_THAT(problem(read("alternate-server=somewhere")), HasSubstr("1:18: alternate-server"));
    EXPECT_EQ(problem(read("no-tls=perhaps")), "1:8: no-tls is \"perhaps\", neither yes nor no");
    EXPECT_EQ(problem(read("cert=c.pem")), "1:6: cert needs pkey beside it");
    EXPECT_EQ(problem(read("realm=\"open")), "1:1: the quote is not closed");
    EXPECT_EQ(problem(read("realm=\"a\" b")), "1:8: there is more behind the closing quote");
    EXPECT_EQ(problem(read(" = x")), "1:2: there is no name in front of the '='");
    EXPECT_EQ(problem(read("realm=a\x01")), "1:8: there is a control character in this line");
    EXPECT_EQ(problem(read("realm=\xC3(")), "1:7: there is a byte that is no UTF-8 in this line");
    EXPECT_EQ(problem(read("user=nobody")), "1:1: user is no name:password");
    EXPECT_EQ(problem(read("no-udp\nno-tcp\n")),
              "1:1: no-udp and no-tcp leave no listener, since there is no cert with pkey");
    EXPECT_EQ(problem(read(std::string_view{"realm=a\0b", 9})),
              "0:0: the file has a NUL byte; it is no text");
    EXPECT_EQ(problem(read("\xFF\xFEr")), "0:0: the file is UTF-16; save it as UTF-8");
}

TEST(CoturnConf, AsksWhetherAnotherOptionWasMeant) {
    EXPECT_EQ(problem(read("realm=x\ndenied_peer_ip=10.0.0.1\n")),
              "2:1: coturn has no option \"denied_peer_ip\"; did you mean \"denied-peer-ip\"?");
    EXPECT_EQ(problem(read("gargantuan=1\n")), "1:1: coturn has no option \"gargantuan\"");
    // It may be a secret whose name has a slip.
    const Conf conf = read("static-auth-secert=northofthewall\n");
    EXPECT_EQ(at(conf, 1).given, "(redacted)");
    EXPECT_THAT(conf.translation.shown, Not(HasSubstr("north")));
}

TEST(CoturnConf, LetsTheLastOfSeveralLinesHold) {
    const Conf conf = read("min-port=1\nmin-port=50000\nno-tls\nno-tls=no\n");
    EXPECT_EQ(at(conf, 1).outcome, Outcome::Ignored);
    EXPECT_EQ(at(conf, 1).note, "line 2 says it again, and the last one holds");
    EXPECT_EQ(at(conf, 2).value, "50000");
    EXPECT_EQ(at(conf, 4).outcome, Outcome::Default);
}

TEST(CoturnConf, ListensLikeCoturnOnBothPorts) {
    const std::string toml =
        read("listening-ip=127.0.0.1\ncert=c.pem\npkey=/k.pem\nno-tcp\n").translation.toml;
    EXPECT_THAT(
        toml,
        HasSubstr("transport = \"udp+dtls\"  # line 1\naddress = \"127.0.0.1:3478\"  # line 1\n"
                  "certificate = \"/etc/c.pem\"  # line 2\nkey = \"/k.pem\"  # line 3\n"));
    EXPECT_THAT(toml, HasSubstr("transport = \"tls\"  # line 1\naddress = \"127.0.0.1:5349\""));
    EXPECT_THAT(toml, Not(HasSubstr("\"tcp")));
    // One port for all.
    const std::string one = read(
                                "listening-ip=::1\nlistening-port=443\ntls-listening-port="
                                "443\ncert=c\npkey=k\nno-udp\n")
                                .translation.toml;
    EXPECT_THAT(one, HasSubstr("transport = \"dtls\"  # line 1\naddress = \"[::1]:443\""));
    EXPECT_THAT(one, HasSubstr("transport = \"tcp+tls\"  # line 1\naddress = \"[::1]:443\""));
    // Everywhere, without TLS.
    const Conf everywhere = Conf::read("", {.name = "t", .directory = {}, .ipv6 = false});
    EXPECT_THAT(everywhere.translation.toml, HasSubstr("address = \"0.0.0.0:3478\""));
    EXPECT_THAT(everywhere.translation.toml, Not(HasSubstr("[::]")));
    EXPECT_TRUE(absent(everywhere, "cert"));
}

TEST(CoturnConf, DeniesWhatIsDeniedAndNotAllowed) {
    const Conf conf = read(
        "denied-peer-ip=10.0.0.0-10.0.0.3\ndenied-peer-ip=fc00::-fdff:ffff:ffff:ffff:ffff:ffff:"
        "ffff:ffff\n"
        "allowed-peer-ip=10.0.0.1-10.0.0.2\ndenied-peer-ip=::ffff:0.0.0.0-::ffff:255.255.255.255\n"
        "denied-peer-ip=192.0.2.128/25\nallowed-peer-ip=127.0.0.1\n");
    EXPECT_THAT(
        conf.translation.toml,
        HasSubstr("allow = [\n    \"10.0.0.1/32\",  # line 3\n    \"10.0.0.2/32\",  # line 3\n    "
                  "\"127.0.0.1/32\",  # line 6\n]\n"
                  "deny = [\n    \"10.0.0.0/32\",  # line 1\n    \"10.0.0.3/32\",  # line 1\n    "
                  "\"fc00::/7\",  # line 2\n    \"192.0.2.128/25\",  # line 5\n]\n"));
    EXPECT_EQ(at(conf, 1).note, "less what allowed-peer-ip names");
    EXPECT_EQ(at(conf, 4).outcome, Outcome::Default);
    EXPECT_THAT(at(conf, 6).note, HasSubstr("stay denied"));
    EXPECT_TRUE(absent(conf, "denied-peer-ip")->notable);
}

TEST(CoturnConf, LetsLoopbackPeersInOnALoopbackServerOnly) {
    const Conf lab = read("listening-ip=127.0.0.1\nallow-loopback-peers\n");
    EXPECT_EQ(at(lab, 2).outcome, Outcome::Mapped);
    EXPECT_THAT(lab.translation.toml, HasSubstr("mode = \"lab\""));
    const Conf server = read("listening-ip=192.0.2.10\nallow-loopback-peers\n");
    EXPECT_EQ(at(server, 2).outcome, Outcome::Unsupported);
    EXPECT_THAT(server.translation.toml, Not(HasSubstr("lab")));
}

TEST(CoturnConf, LetsNoUserInBesideASharedSecretAsCoturn) {
    const Conf conf =
        read("user=ada:correct-horse\nuse-auth-secret\nstatic-auth-secret=0123456789abcdef\n");
    EXPECT_EQ(at(conf, 1).outcome, Outcome::Ignored);
    EXPECT_TRUE(at(conf, 1).notable);
    EXPECT_THAT(conf.translation.toml, Not(HasSubstr("ada")));
    const Conf users = read(
        "user=ada:first-horse\nuser=bob:0xbc807ee29df3c9ffa736523fb2c4e8ee\nuser=ada:second:"
        "horse\n");
    EXPECT_EQ(at(users, 1).outcome, Outcome::Ignored);
    EXPECT_EQ(at(users, 2).outcome, Outcome::Unsupported);
    EXPECT_THAT(users.translation.toml,
                HasSubstr("name = \"ada\"  # line 3\npassword = { value = \"second:horse\" }"));
}

TEST(CoturnConf, SaysWhenNobodyCouldGetIn) {
    for (const char* text : {"", "lt-cred-mech\n", "no-auth\n", "use-auth-secret\nrealm=x\n",
                             "psql-userdb=\"host=db\"\n"}) {
        const Conf conf = read(text);
        ASSERT_TRUE(absent(conf, "static-auth-secret")) << text;
        EXPECT_EQ(absent(conf, "static-auth-secret")->outcome, Outcome::Unsupported) << text;
        EXPECT_FALSE(conf.all_done()) << text;
    }
    EXPECT_FALSE(absent(read("user=ada:correct-horse\n"), "static-auth-secret"));
}

TEST(CoturnConf, ConvertsUnitsAndTakesTheNearestOfItsOwn) {
    const Conf conf = read(
        "max-bps=64000\nstale-nonce=0\nmax-allocate-lifetime=30\nrelay-threads=0\nuser-quota=0\n"
        "total-quota=5000000\nchannel-lifetime=600\nbps-capacity=0\nstale-nonce\n");
    EXPECT_EQ(at(conf, 1).value, "1024");  // 64,000 bytes/s × 8 bits × 2 ways
    EXPECT_EQ(at(conf, 2).outcome, Outcome::Ignored);
    EXPECT_EQ(at(conf, 3).value, "60");
    EXPECT_EQ(at(conf, 4).value, "1");
    EXPECT_EQ(at(conf, 5).value, "1000000");
    EXPECT_EQ(at(conf, 6).note, "the nearest that can be had");
    EXPECT_EQ(at(conf, 7).outcome, Outcome::Default);
    EXPECT_EQ(at(conf, 8).outcome, Outcome::Default);
    EXPECT_EQ(at(conf, 9).outcome, Outcome::Default);
    EXPECT_EQ(at(read("stale-nonce=0\n"), 1).value, "86400");
}

TEST(CoturnConf, MapsAddressesBehindANat) {
    EXPECT_THAT(read("external-ip=203.0.113.7\n").translation.toml,
                HasSubstr("\"203.0.113.7\",  # line 1"));
    const Conf pairs = read("external-ip=203.0.113.7/10.0.0.5\nexternal-ip=203.0.113.8/10.0.0.6\n");
    EXPECT_THAT(
        pairs.translation.toml,
        HasSubstr("address = [\n    \"10.0.0.5\",  # line 1\n    \"10.0.0.6\",  # line 2\n]"));
    const Conf other = read("relay-ip=10.0.0.5\nexternal-ip=203.0.113.8/10.0.0.6\n");
    EXPECT_EQ(at(other, 2).outcome, Outcome::Ignored);
    EXPECT_EQ(at(other, 2).note, "no relay-ip or listening-ip is 10.0.0.6");
}

TEST(CoturnConf, DiscoversBehaviourWithTwoAddressesOfAFamily) {
    const Conf two = read(
        "listening-ip=192.0.2.10\nlistening-ip=10.0.0.5\nlistening-ip=2001:db8::10\nalt-listening-"
        "port=0\n");
    EXPECT_THAT(two.translation.toml,
                HasSubstr("[behaviour_discovery]\naddresses = [\n    \"192.0.2.10\",  # line 1\n   "
                          " \"10.0.0.5\",  # line 2\n]\nports = [3478, 3479]"));
    EXPECT_TRUE(absent(two, "no-rfc5780"));
    for (const char* text :
         {"listening-ip=192.0.2.10\n",
          "listening-ip=192.0.2.10\nlistening-ip=10.0.0.5\nno-rfc5780\n",
          "listening-ip=192.0.2.10\nlistening-ip=10.0.0.5\nexternal-ip=203.0.113.7/10.0.0.5\n"})
        EXPECT_THAT(read(text).translation.toml, Not(HasSubstr("behaviour"))) << text;
}

TEST(CoturnConf, UnderstandsTheConnectionStringsOfRedis) {
    const Conf conf = read(
        "redis-userdb=\"ip=10.0.0.7 dbname=2 user=turn password=pass#word port=6380 "
        "connect_timeout=3\"\n"
        "redis-statsdb=host=::1 db=1 tls=1 sni=redis.example verify=no\n");
    EXPECT_THAT(conf.problems, IsEmpty());
    ASSERT_TRUE(conf.redis_userdb && conf.redis_statsdb);
    EXPECT_EQ(conf.redis_userdb->to_string(), "redis://turn@10.0.0.7:6380/2");
    EXPECT_EQ(conf.redis_userdb->password, Secret{"pass#word"});
    EXPECT_EQ(conf.redis_userdb->connect_timeout, 3s);
    EXPECT_EQ(conf.redis_statsdb->to_string(), "rediss://[::1]:6379/1");
    EXPECT_EQ(conf.redis_statsdb->tls.server_name, "redis.example");
    EXPECT_FALSE(conf.redis_statsdb->tls.verify);
    EXPECT_THAT(at(conf, 1).note, HasSubstr("redis://turn@10.0.0.7:6380/2"));
    EXPECT_THAT(at(conf, 1).to_string("t"), Not(HasSubstr("pass#word")));

    EXPECT_EQ(problem(read("redis-userdb=\"dbname=2 pasword=hidden\"\n")),
              "1:24: redis-userdb has an unknown key; did you mean \"password\"?");
    EXPECT_THAT(problem(read("redis-userdb=port=66000\n")),
                HasSubstr("1:14: redis-userdb has the key \"port\", whose value is no port"));
    EXPECT_THAT(problem(read("redis-userdb=\"password=two words\"\n")), HasSubstr("no key=value"));
    EXPECT_THAT(problem(read("redis-userdb=\"db=first\"\n")), HasSubstr("no number of a database"));
}

TEST(CoturnConf, AnsweringLessThanItsLinesIsToldOnce) {
    // Eight listeners have the certificate; the document speaks of one.
    Conf conf = read("cert=c.pem\npkey=k.pem\n");
    Document document;
    document.translated(std::move(conf.translation));
    for (Table listen : document.root().tables("listen"))
        listen.problem("certificate", "is not there");
    EXPECT_FALSE(document.ok());
    EXPECT_EQ(document.report(),
              "turnserver.conf:1:6: listen[0].certificate is not there\n    cert=c.pem\n         "
              "^~~~~\n");
}

}  // namespace
}  // namespace turnpike::config::coturn
