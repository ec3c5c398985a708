#include <gtest/gtest.h>

#include <type_traits>

#include "tests/support/turn_node.hpp"
#include "turn/core/peer_policy.hpp"

namespace turnpike::test {
namespace {

using core::PeerPolicy;
using core::PolicyToken;

// T6: only PeerPolicy makes a token.
static_assert(!std::is_default_constructible_v<PolicyToken>);
static_assert(!std::is_constructible_v<PolicyToken, IpAddress>);

enum class Denial { Hard, Lab, Default };

struct Block {
    std::string_view first, middle, last;
    Denial denial;
};

// The security reference's section 4.2 and 4.3, each block by its first, a middle and its last address.
const Block kBlocks[] = {
    {"0.0.0.0", "0.1.2.3", "0.255.255.255", Denial::Hard},
    {"127.0.0.0", "127.0.0.1", "127.255.255.255", Denial::Lab},
    {"169.254.0.0", "169.254.169.254", "169.254.255.255", Denial::Hard},
    {"224.0.0.0", "230.1.2.3", "239.255.255.255", Denial::Hard},
    {"240.0.0.0", "250.1.2.3", "255.255.255.255", Denial::Hard},
    {"168.63.129.16", "168.63.129.16", "168.63.129.16", Denial::Hard},
    {"192.0.0.0", "192.0.0.192", "192.0.0.255", Denial::Default},
    {"10.0.0.0", "10.1.2.3", "10.255.255.255", Denial::Default},
    {"172.16.0.0", "172.20.1.2", "172.31.255.255", Denial::Default},
    {"192.168.0.0", "192.168.1.1", "192.168.255.255", Denial::Default},
    {"100.64.0.0", "100.100.100.200", "100.127.255.255", Denial::Default},
    {"192.0.2.0", "192.0.2.77", "192.0.2.255", Denial::Default},
    {"198.51.100.0", "198.51.100.77", "198.51.100.255", Denial::Default},
    {"203.0.113.0", "203.0.113.77", "203.0.113.255", Denial::Default},
    {"198.18.0.0", "198.19.1.2", "198.19.255.255", Denial::Default},
    {"192.88.99.0", "192.88.99.1", "192.88.99.255", Denial::Default},
    {"192.31.196.0", "192.31.196.1", "192.31.196.255", Denial::Default},
    {"192.175.48.0", "192.175.48.1", "192.175.48.255", Denial::Default},
    {"192.52.193.0", "192.52.193.1", "192.52.193.255", Denial::Default},

    {"::", "::", "::", Denial::Hard},
    {"::1", "::1", "::1", Denial::Lab},
    {"::2", "::7f00:1", "::ffff:ffff", Denial::Hard},
    {"::ffff:0.0.0.0", "::ffff:8.8.8.8", "::ffff:255.255.255.255", Denial::Hard},
    {"::ffff:0:0:0", "::ffff:0:808:808", "::ffff:0:ffff:ffff", Denial::Hard},
    {"fe80::", "fe80::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"2001::", "2001:0:4136:e378::1", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"2002::", "2002:7f00:1::1", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::254", Denial::Hard},
    {"fd20:ce::254", "fd20:ce::254", "fd20:ce::254", Denial::Hard},
    {"100::", "100::1", "100::ffff:ffff:ffff:ffff", Denial::Default},
    {"100:0:0:1::", "100:0:0:1::1", "100:0:0:1:ffff:ffff:ffff:ffff", Denial::Default},
    {"5f00::", "5f00:1::1", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"fc00::", "fd12:3456::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"fec0::", "fed0::1", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2001:1::", "2001:20::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2001:db8::", "2001:db8:1::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"3fff::", "3fff:abc::1", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2620:4f:8000::", "2620:4f:8000::1", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"3ffe::", "3ffe:1::1", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    // outside 2000::/3, unassigned
    {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "400::1", "200::1", Denial::Default},
    {"4000::", "8000::1", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
};

const core::RelayDirectory kNoRelays{{}};
const std::vector<Cidr> kEverything{cidr("0.0.0.0/0"), cidr("::/0")};

bool allowed(const PeerPolicy::Rules& rules, std::string_view address) {
    return PeerPolicy{rules, kNoRelays}.check(ip(address), false).has_value();
}

TEST(PeerPolicy, DeniesEachBlockByDefault) {
    for (const Block& block : kBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last}) {
            EXPECT_FALSE(allowed({}, address)) << address;
        }
    }
}

TEST(PeerPolicy, AllowsTheNeighboursOfTheBlocks) {
    for (const std::string_view address :
         {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
          "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
          "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.195.255", "192.31.197.0", "192.52.192.255",
          "192.88.98.255", "192.167.255.255", "192.169.0.0", "192.175.47.255", "198.17.255.255", "198.20.0.0",
          "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8",
          "2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "2620:4f:7fff::", "2620:4f:8001::",
          "3ffd:ffff::", "3fff:1000::", "2a00:1450::1", "2606:4700::1111"}) {
        EXPECT_TRUE(allowed({}, address)) << address;
    }
}

// Security 4.1: allow lifts the default denial and never the hard one.
TEST(PeerPolicy, LetsAllowLiftOnlyTheDefaultDenial) {
    PeerPolicy::Rules rules;
    rules.allow = kEverything;
    for (const Block& block : kBlocks) {
        for (const std::string_view address : {block.first, block.middle, block.last}) {
            EXPECT_EQ(allowed(rules, address), block.denial == Denial::Default) << address;
        }
    }
}

// DESIGN 5: a lab lowers loopback from hard to default; it still takes an allow.
TEST(PeerPolicy, LetsALabAllowLoopback) {
    PeerPolicy::Rules rules;
    rules.mode = PeerPolicy::Mode::Lab;
    for (const Block& block : kBlocks) {
        EXPECT_FALSE(allowed(rules, block.middle)) << block.middle;
    }
    rules.allow = kEverything;
    for (const Block& block : kBlocks) {
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
             {"::" + tail, "::ffff:" + tail, "::ffff:0:" + tail, "2002:" + tail + "::1", "2001:0:" + tail + "::1",
              "fe80::5efe:" + tail, "fe80::200:5efe:" + tail, "2a00:1450::5efe:" + tail,
              "2a00:1450::200:5efe:" + tail, "2001:db8:1:2:0:5efe:" + tail}) {
            EXPECT_FALSE(allowed(rules, address)) << address;
        }
    }
    EXPECT_TRUE(allowed(rules, "2a00:1450::100:5efe:7f00:1"));  // not an ISATAP identifier
}

// RFC 6052: an allowed NAT64 prefix is judged by what it would translate to.
TEST(PeerPolicy, JudgesNat64ByTheEmbeddedAddress) {
    PeerPolicy::Rules rules;
    for (const std::string_view prefix : {"64:ff9b::", "64:ff9b:1::", "64:ff9b:1:fff0:fff0:fff0:"}) {
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
    const core::RelayDirectory relays{{{ip("127.0.0.1"), ip("127.0.0.1")}, {ip("10.0.0.5"), ip("203.0.113.7")}}};
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
    PeerPolicy::Rules rules;
    const PeerPolicy usual{rules, kNoRelays};
    for (const int number : {443, 1024, 5000, 65535}) {
        EXPECT_TRUE(usual.allows_port(static_cast<std::uint16_t>(number))) << number;
    }
    for (const int number : {0, 1, 53, 80, 442, 444, 1023}) {
        EXPECT_FALSE(usual.allows_port(static_cast<std::uint16_t>(number))) << number;
    }
    rules.allow_ports = {{0, 65535}};
    const PeerPolicy open{rules, kNoRelays};
    EXPECT_TRUE(open.allows_port(1));
    EXPECT_FALSE(open.allows_port(0));
}

}  // namespace
}  // namespace turnpike::test
