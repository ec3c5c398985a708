#include "turn/core/peer_policy.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/support/denied_blocks.hpp"
#include "tests/support/peer_policy_reference.hpp"
#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::PeerPolicy;
using core::PolicyToken;

// T6: only PeerPolicy makes a token.
static_assert(!std::is_default_constructible_v<PolicyToken>);
static_assert(!std::is_constructible_v<PolicyToken, IpAddress>);

const core::RelayDirectory kNoRelays{{}};
const std::vector<CidrPorts> kEverything{cidr("0.0.0.0/0"), cidr("::/0")};

bool allowed(const PeerPolicy::Rules& rules, std::string_view address) {
    return PeerPolicy{rules, kNoRelays}.check(ip(address), false).has_value();
}

TEST(PeerPolicy, DeniesEachBlockByDefault) {
    for (const DeniedBlock& block : kDeniedBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last}) {
            EXPECT_FALSE(allowed({}, address)) << address;
        }
    }
}

TEST(PeerPolicy, AllowsTheNeighboursOfTheBlocks) {
    for (const std::string_view address :
         {"1.0.0.0",         "9.255.255.255",   "11.0.0.0",       "100.63.255.255",
          "100.128.0.0",     "126.255.255.255", "128.0.0.0",      "168.63.129.15",
          "168.63.129.17",   "169.253.255.255", "169.255.0.0",    "172.15.255.255",
          "172.32.0.0",      "191.255.255.255", "192.0.1.0",      "192.0.3.0",
          "192.31.195.255",  "192.31.197.0",    "192.52.192.255", "192.88.98.255",
          "192.167.255.255", "192.169.0.0",     "192.175.47.255", "198.17.255.255",
          "198.20.0.0",      "198.51.99.255",   "198.51.101.0",   "203.0.112.255",
          "203.0.114.0",     "223.255.255.255", "8.8.8.8",        "2000::",
          "2001:200::",      "2001:db7:ffff::", "2001:db9::",     "2003::",
          "2620:4f:7fff::",  "2620:4f:8001::",  "3ffd:ffff::",    "3fff:1000::",
          "2a00:1450::1",    "2606:4700::1111"}) {
        EXPECT_TRUE(allowed({}, address)) << address;
    }
}

// Security 4.1: allow lifts the default denial and never the hard one.
TEST(PeerPolicy, LetsAllowLiftOnlyTheDefaultDenial) {
    PeerPolicy::Rules rules;
    rules.allow = kEverything;
    for (const DeniedBlock& block : kDeniedBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last}) {
            EXPECT_EQ(allowed(rules, address), block.denial == Denial::Default) << address;
        }
    }
}

// DESIGN 5: a lab lowers loopback from hard to default; it still takes an allow.
TEST(PeerPolicy, LetsALabAllowLoopback) {
    PeerPolicy::Rules rules;
    rules.mode = PeerPolicy::Mode::Lab;
    for (const DeniedBlock& block : kDeniedBlocks) {
        EXPECT_FALSE(allowed(rules, block.middle)) << block.middle;
    }
    rules.allow = kEverything;
    for (const DeniedBlock& block : kDeniedBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last}) {
            EXPECT_EQ(allowed(rules, address), block.denial != Denial::Hard) << address;
        }
    }
}

// T7: this machine and its back ends are hard; in a lab they are on the same machine.
TEST(PeerPolicy, DeniesItsOwnMachineHard) {
    PeerPolicy::Rules rules;
    rules.hard_denied = {ip("93.184.216.34"), ip("2a00:1450::1")};
    EXPECT_FALSE(allowed(rules, "93.184.216.34"));
    EXPECT_FALSE(allowed(rules, "2a00:1450::1"));
    EXPECT_TRUE(allowed(rules, "93.184.216.35"));
    rules.allow = kEverything;
    EXPECT_FALSE(allowed(rules, "93.184.216.34"));
    rules.mode = PeerPolicy::Mode::Lab;
    EXPECT_TRUE(allowed(rules, "93.184.216.34"));
    rules.allow.clear();
    EXPECT_FALSE(allowed(rules, "93.184.216.34"));
}

// Security 4.1: deny beats allow.
TEST(PeerPolicy, LetsDenyBeatAllow) {
    PeerPolicy::Rules rules;
    rules.allow = {cidr("10.0.0.0/8")};
    rules.deny = {cidr("10.1.0.0/16"), cidr("93.184.216.34/32")};
    EXPECT_TRUE(allowed(rules, "10.0.0.1"));
    EXPECT_FALSE(allowed(rules, "10.1.0.1"));
    EXPECT_FALSE(allowed(rules, "93.184.216.34"));
    EXPECT_TRUE(allowed(rules, "93.184.216.33"));
}

// T3, T4, assertion 108: no IPv4 address gets through inside an IPv6 one.
TEST(PeerPolicy, RefusesEveryEmbeddingOfAnIpv4Address) {
    PeerPolicy::Rules rules;
    rules.allow = kEverything;
    for (const std::string_view v4 : {"7f00:1", "a9fe:a9fe", "808:808"}) {
        const std::string tail{v4};
        for (const std::string& address :
             {"::" + tail, "::ffff:" + tail, "::ffff:0:" + tail, "2002:" + tail + "::1",
              "2001:0:" + tail + "::1", "fe80::5efe:" + tail, "fe80::200:5efe:" + tail,
              "2a00:1450::5efe:" + tail, "2a00:1450::200:5efe:" + tail,
              "2001:db8:1:2:0:5efe:" + tail}) {
            EXPECT_FALSE(allowed(rules, address)) << address;
        }
    }
    EXPECT_TRUE(allowed(rules, "2a00:1450::100:5efe:7f00:1"));  // not an ISATAP identifier
}

// RFC 6052: an allowed NAT64 prefix is judged by what it would translate to.
TEST(PeerPolicy, JudgesNat64ByTheEmbeddedAddress) {
    PeerPolicy::Rules rules;
    for (const std::string_view prefix :
         {"64:ff9b::", "64:ff9b:1::", "64:ff9b:1:fff0:fff0:fff0:"}) {
        for (const std::string_view v4 : {"0:0", "808:808", "ffff:ffff"}) {
            const std::string address = std::string{prefix} + std::string{v4};
            EXPECT_FALSE(allowed(rules, address)) << address;
        }
    }
    rules.allow = {cidr("64:ff9b:1::/48")};
    EXPECT_TRUE(allowed(rules, "64:ff9b:1:2::808:808"));
    EXPECT_FALSE(allowed(rules, "64:ff9b:1:2::7f00:1"));
    rules.allow = {cidr("64:ff9b::/96")};
    EXPECT_TRUE(allowed(rules, "64:ff9b::808:808"));
    EXPECT_FALSE(allowed(rules, "64:ff9b::7f00:1"));
    EXPECT_FALSE(allowed(rules, "64:ff9b::a9fe:a9fe"));
    EXPECT_FALSE(allowed(rules, "64:ff9b::a01:203"));
    rules.allow.push_back(cidr("10.0.0.0/8"));
    EXPECT_TRUE(allowed(rules, "64:ff9b::a01:203"));
    rules.deny = {cidr("8.8.8.8/32")};
    EXPECT_FALSE(allowed(rules, "64:ff9b::808:808"));

    const core::RelayDirectory relays{{{ip("198.51.100.7"), ip("198.51.100.7")}}};
    EXPECT_FALSE((PeerPolicy{rules, relays}.check(ip("64:ff9b::c633:6407"), false)));
}

// T8: the node's relay addresses are peers for everyone, whatever block they are in.
TEST(PeerPolicy, AllowsTheNodesOwnRelayAddresses) {
    const core::RelayDirectory relays{
        {{ip("127.0.0.1"), ip("127.0.0.1")}, {ip("10.0.0.5"), ip("203.0.113.7")}}};
    PeerPolicy::Rules rules;
    rules.hard_denied = {ip("127.0.0.1"), ip("10.0.0.5")};
    rules.deny = {cidr("203.0.113.0/24")};
    const PeerPolicy policy{rules, relays};
    for (const std::string_view own : {"127.0.0.1", "10.0.0.5", "203.0.113.7"}) {
        EXPECT_TRUE(policy.check(ip(own), false)) << own;
        EXPECT_TRUE(policy.check(ip(own), true)) << own;
    }
    EXPECT_FALSE(policy.check(ip("127.0.0.2"), false));
    EXPECT_FALSE(policy.check(ip("203.0.113.8"), false));
}

// p=relay.
TEST(PeerPolicy, KeepsRelayOnlyCredentialsAmongRelays) {
    const core::RelayDirectory relays{{{ip("10.0.0.5"), ip("203.0.113.7")}}};
    const PeerPolicy policy{{}, relays};
    EXPECT_TRUE(policy.check(ip("8.8.8.8"), false));
    EXPECT_FALSE(policy.check(ip("8.8.8.8"), true));
    EXPECT_TRUE(policy.check(ip("203.0.113.7"), true));
    EXPECT_EQ(policy.check(ip("8.8.8.8"), false)->address(), ip("8.8.8.8"));
}

TEST(PeerPolicy, ExplainsWhichRuleDecided) {
    PeerPolicy::Rules rules;
    rules.allow = {cidr("10.0.0.0/8")};
    rules.deny = {cidr("9.9.9.9/32")};
    const core::RelayDirectory relays{{{ip("203.0.113.7"), ip("203.0.113.7")}}};
    const PeerPolicy policy{rules, relays};
    const auto rule = [&](std::string_view address) { return policy.explain(ip(address)).rule; };
    EXPECT_EQ(rule("127.0.0.1"), "127.0.0.0/8");
    EXPECT_EQ(rule("192.168.1.1"), "192.168.0.0/16");
    EXPECT_EQ(rule("10.1.2.3"), "peers.allow");
    EXPECT_EQ(rule("9.9.9.9"), "peers.deny");
    EXPECT_EQ(rule("8.8.8.8"), "public address");
    EXPECT_EQ(rule("4000::1"), "outside 2000::/3");
    EXPECT_EQ(rule("203.0.113.7"), "relay address of this node");
    EXPECT_EQ(rule("64:ff9b::1"), "64:ff9b::/96");
    EXPECT_EQ(rule("::ffff:8.8.8.8"), "::ffff:0:0/96");
}

// Security 4.5.
TEST(PeerPolicy, AllowsHighPortsAnd443) {
    const auto allows = [](const PeerPolicy& policy, std::uint16_t port) {
        return policy.allows_port({ip("8.8.8.8"), port});
    };
    PeerPolicy::Rules rules;
    const PeerPolicy usual{rules, kNoRelays};
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{443, 1024, 5000, 65535})
        EXPECT_TRUE(allows(usual, port)) << port;
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{0, 1, 53, 80, 442, 444, 1023})
        EXPECT_FALSE(allows(usual, port)) << port;
    rules.allow_ports = {{0, 65535}};
    const PeerPolicy open{rules, kNoRelays};
    EXPECT_TRUE(allows(open, 1));
    EXPECT_FALSE(allows(open, 0));
}

TEST(PeerPolicy, AllowsABlockOnItsPortsOnly) {
    PeerPolicy::Rules rules;
    rules.allow = {*CidrPorts::parse("10.20.0.0/16:80"),
                   *CidrPorts::parse("10.20.0.0/16:10000-20000"),
                   *CidrPorts::parse("8.8.8.8/32:53")};
    const PeerPolicy policy{rules, kNoRelays};
    EXPECT_TRUE(policy.check(ip("10.20.1.2"), false));
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{80, 10'000, 15'000, 20'000}) {
        EXPECT_TRUE(policy.allows_port({ip("10.20.1.2"), port})) << port;
    }
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{0, 79, 81, 443, 9'999, 20'001, 65'535}) {
        EXPECT_FALSE(policy.allows_port({ip("10.20.1.2"), port})) << port;
    }
    // What is allowed anyway only gains the port.
    EXPECT_TRUE(policy.allows_port({ip("8.8.8.8"), 53}));
    EXPECT_TRUE(policy.allows_port({ip("8.8.8.8"), 5000}));
    EXPECT_FALSE(policy.allows_port({ip("8.8.4.4"), 53}));

    rules.allow.push_back(cidr("10.0.0.0/8"));
    EXPECT_TRUE((PeerPolicy{rules, kNoRelays}.allows_port({ip("10.20.1.2"), 443})));
    EXPECT_FALSE((PeerPolicy{rules, kNoRelays}.allows_port({ip("10.20.1.2"), 81})));
}

TEST(PeerPolicy, HasRulesOfARealmsOwn) {
    PeerPolicy::Rules rules;
    rules.allow = {cidr("10.0.0.0/8")};
    rules.hard_denied = {ip("192.168.0.9")};
    rules.realms["corp"].allow = {cidr("192.168.0.0/16")};
    rules.realms["corp"].deny = {cidr("8.8.8.8/32")};
    rules.realms["corp"].allow_ports = {{80, 80}};
    const PeerPolicy policy{rules, kNoRelays};
    const PeerPolicy& corp = policy.for_realm("corp");
    EXPECT_EQ(&policy.for_realm("turnpike"), &policy);

    EXPECT_TRUE(policy.check(ip("10.1.1.1"), false));
    EXPECT_FALSE(policy.check(ip("192.168.1.1"), false));
    EXPECT_TRUE(policy.check(ip("8.8.8.8"), false));
    EXPECT_FALSE(policy.allows_port({ip("8.8.4.4"), 80}));

    EXPECT_FALSE(corp.check(ip("10.1.1.1"), false)) << "its lists stand in place of the node's";
    EXPECT_TRUE(corp.check(ip("192.168.1.1"), false));
    EXPECT_FALSE(corp.check(ip("192.168.0.9"), false)) << "a hard denial holds for all";
    EXPECT_FALSE(corp.check(ip("8.8.8.8"), false));
    EXPECT_TRUE(corp.allows_port({ip("8.8.4.4"), 80}));
    EXPECT_FALSE(corp.allows_port({ip("8.8.4.4"), 443}));
}

// RFC 6052 §2.4 has these addresses: 192.0.2.33 in a prefix of each length.
TEST(PeerPolicy, JudgesConfiguredNat64PrefixesByTheEmbeddedAddress) {
    const std::pair<std::string_view, std::string_view> examples[] = {
        {"2a01:db8::/32", "2a01:db8:c000:221::"},
        {"2a01:db8:100::/40", "2a01:db8:1c0:2:21::"},
        {"2a01:db8:122::/48", "2a01:db8:122:c000:2:2100::"},
        {"2a01:db8:122:300::/56", "2a01:db8:122:3c0:0:221::"},
        {"2a01:db8:122:344::/64", "2a01:db8:122:344:c0:2:2100::"},
        {"2a01:db8:122:344::/96", "2a01:db8:122:344::192.0.2.33"}};
    for (const auto& [prefix, address] : examples) {
        PeerPolicy::Rules rules;
        EXPECT_TRUE(allowed(rules, address))
            << address << " is an address like others, unless it is said to translate";
        rules.nat64_prefixes = {cidr(prefix)};
        EXPECT_FALSE(allowed(rules, address)) << address;
        rules.allow = {cidr("192.0.2.0/24")};
        EXPECT_TRUE(allowed(rules, address)) << address;
        rules.allow = {*CidrPorts::parse("192.0.2.0/24:5000")};
        const PeerPolicy policy{rules, kNoRelays};
        EXPECT_TRUE(policy.allows_port({ip(address), 5000})) << address;
        EXPECT_FALSE(policy.allows_port({ip(address), 5001})) << address;
    }
}

// T5: a million random pairs of block and address, many of them close to a border, against a second
// reading of the rules that shares no code with the first.
TEST(PeerPolicy, AgreesWithAnIndependentReference) {
    const auto seed =
        static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()) + 1;
    SCOPED_TRACE("seed " + std::to_string(seed));
    ScriptedRandom random{seed};
    std::vector<IpAddress> corners;
    for (const DeniedBlock& block : kDeniedBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last})
            corners.push_back(ip(address));
    }
    std::array<std::uint8_t, 40> chance{};
    std::size_t denials = 0, rounds = 0;
    for (; rounds < 1'000'000; ++rounds) {
        random.fill_public(chance);
        // An address: any, or a corner with a few bits turned.
        IpAddress peer = chance[0] % 2 == 0 ? IpAddress::v4(ByteView{chance}.subspan(1, 4))
                                            : IpAddress::v6(ByteView{chance}.subspan(1, 16));
        if (chance[17] % 4 != 0) {
            const IpAddress& corner = corners[load_u16(chance, 18) % corners.size()];
            Bytes raw{corner.bytes().begin(), corner.bytes().end()};
            for (unsigned flips = chance[20] % 3; flips > 0; --flips) {
                const std::size_t bit = chance[20 + flips] % (raw.size() * 8);
                raw[bit / 8] = static_cast<std::uint8_t>(raw[bit / 8] ^ (0x80 >> (bit % 8)));
            }
            peer = corner.is_v4() ? IpAddress::v4(raw) : IpAddress::v6(raw);
        }
        // A block that often has the address in it, or just not.
        Bytes base{peer.bytes().begin(), peer.bytes().end()};
        const std::size_t bits = base.size() * 8, length = chance[24] % (bits + 1);
        if (chance[25] % 2 == 0 && length > 0)
            base[(length - 1) / 8] =
                static_cast<std::uint8_t>(base[(length - 1) / 8] ^ (0x80 >> ((length - 1) % 8)));
        for (std::size_t bit = length; bit < bits; ++bit)
            base[bit / 8] = static_cast<std::uint8_t>(base[bit / 8] & ~(0x80 >> (bit % 8)));
        const Cidr block{peer.is_v4() ? IpAddress::v4(base) : IpAddress::v6(base),
                         static_cast<std::uint8_t>(length)};

        PeerPolicy::Rules rules;
        if (chance[26] % 2 == 0) rules.mode = PeerPolicy::Mode::Lab;
        if (chance[27] % 2 == 0)
            rules.allow = {block};
        else
            rules.deny = {block};
        const bool verdict = PeerPolicy{rules, kNoRelays}.check(peer, false).has_value();
        ASSERT_EQ(verdict, reference::expected(rules, peer))
            << peer.to_string() << " and " << block.to_string();
        if (!verdict) ++denials;
    }
    EXPECT_GT(denials, rounds / 4);
    EXPECT_LT(denials, rounds / 4 * 3 + rounds / 8);
}

}  // namespace
}  // namespace turnpike::test
