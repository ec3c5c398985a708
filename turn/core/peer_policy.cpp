#include "turn/core/peer_policy.hpp"

#include <algorithm>
#include <span>

#include "common/base/assert.hpp"

namespace turnpike::core {
namespace {

enum class Class : std::uint8_t {
    Hard,      // nothing lifts it
    HardLocal, // this machine: default denial in mode "lab"
    Default,   // an operator's allow lifts it
};

struct Block {
    std::string_view text;
    Class denial;
};

// Security reference 4.2, and 4.3 below. Of two blocks that match, the hard one decides.
constexpr Block kBlocksV4[] = {
    {"0.0.0.0/8", Class::Hard},            // "this host": Linux routes 0.0.0.0 to loopback
    {"127.0.0.0/8", Class::HardLocal},     // loopback
    {"169.254.0.0/16", Class::Hard},       // link-local, cloud metadata
    {"224.0.0.0/4", Class::Hard},          // multicast
    {"240.0.0.0/4", Class::Hard},          // reserved, broadcast
    {"168.63.129.16/32", Class::Hard},     // Azure wire server
    {"192.0.0.0/24", Class::Default},      // IETF protocol assignments
    {"10.0.0.0/8", Class::Default},        // RFC 1918
    {"172.16.0.0/12", Class::Default},
    {"192.168.0.0/16", Class::Default},
    {"100.64.0.0/10", Class::Default},     // carrier-grade NAT
    {"192.0.2.0/24", Class::Default},      // documentation
    {"198.51.100.0/24", Class::Default},
    {"203.0.113.0/24", Class::Default},
    {"198.18.0.0/15", Class::Default},     // benchmarking
    {"192.88.99.0/24", Class::Default},    // 6to4 relay anycast
    {"192.31.196.0/24", Class::Default},   // AS112
    {"192.175.48.0/24", Class::Default},
    {"192.52.193.0/24", Class::Default},   // AMT
};

constexpr Block kBlocksV6[] = {
    {"::1/128", Class::HardLocal},
    {"::/96", Class::Hard},                // unspecified, IPv4-compatible
    {"::ffff:0:0/96", Class::Hard},        // IPv4-mapped
    {"::ffff:0:0:0/96", Class::Hard},      // SIIT
    {"fe80::/10", Class::Hard},            // link-local: a scope cannot be said on the wire
    {"ff00::/8", Class::Hard},             // multicast
    {"2001::/32", Class::Hard},            // Teredo, RFC 8656 §21.2
    {"2002::/16", Class::Hard},            // 6to4
    {"fd00:ec2::254/128", Class::Hard},    // cloud metadata inside fc00::/7
    {"fd20:ce::254/128", Class::Hard},
    {"64:ff9b::/96", Class::Default},      // NAT64, judged by its IPv4 address as well
    {"64:ff9b:1::/48", Class::Default},
    {"100::/64", Class::Default},          // discard-only
    {"100:0:0:1::/64", Class::Default},
    {"5f00::/16", Class::Default},         // SRv6
    {"fc00::/7", Class::Default},          // unique local
    {"fec0::/10", Class::Default},         // site-local
    {"2001::/23", Class::Default},         // IETF protocol assignments
    {"2001:db8::/32", Class::Default},     // documentation
    {"3fff::/20", Class::Default},
    {"2620:4f:8000::/48", Class::Default}, // AS112
    {"3ffe::/16", Class::Default},         // 6bone
};

struct Row {
    Cidr cidr;
    Class denial = Class::Default;
    std::string_view text;
};

template <std::size_t Size>
std::array<Row, Size> rows_of(const Block (&blocks)[Size]) {
    std::array<Row, Size> rows;
    for (std::size_t i = 0; i < Size; ++i) {
        const auto cidr = Cidr::parse(blocks[i].text);
        TURNPIKE_ASSERT(cidr);
        rows[i] = {*cidr, blocks[i].denial, blocks[i].text};
    }
    return rows;
}

const auto kRowsV4 = rows_of(kBlocksV4);
const auto kRowsV6 = rows_of(kBlocksV6);
const Cidr kNat64 = *Cidr::parse("64:ff9b::/96");
const Cidr kNat64Local = *Cidr::parse("64:ff9b:1::/48");
const Cidr kGlobalUnicast = *Cidr::parse("2000::/3");

std::span<const Row> rows_for(const IpAddress& peer) noexcept {
    return peer.is_v4() ? std::span<const Row>{kRowsV4} : std::span<const Row>{kRowsV6};
}

// ...:0000:5efe:a.b.c.d and ...:0200:5efe:a.b.c.d under any prefix (RFC 5214 §6.1).
bool is_isatap(const IpAddress& peer) noexcept {
    if (peer.is_v4()) return false;
    const auto& raw = peer.raw();
    return (raw[8] == 0x00 || raw[8] == 0x02) && raw[9] == 0x00 && raw[10] == 0x5E && raw[11] == 0xFE;
}

bool contains(const std::vector<Cidr>& list, const IpAddress& address) noexcept {
    return std::ranges::any_of(list, [&](const Cidr& cidr) { return cidr.contains(address); });
}

}  // namespace

PeerPolicy::PeerPolicy(Rules rules, const RelayDirectory& relays) : rules_(std::move(rules)), relays_(relays) {}

PeerPolicy::Verdict PeerPolicy::explain(const IpAddress& peer) const noexcept {
    if (relays_.owns(peer)) return {true, "relay address of this node"};

    const bool lab = rules_.mode == Mode::Lab;
    std::string_view default_denial;
    if (is_isatap(peer)) return {false, "ISATAP"};
    for (const Row& row : rows_for(peer)) {
        if (!row.cidr.contains(peer)) continue;
        if (row.denial == Class::Hard) {
            // ::1 is inside ::/96; in a lab its own row decides.
            if (lab && !default_denial.empty() && peer.is_loopback()) continue;
            return {false, row.text};
        }
        if (row.denial == Class::HardLocal && !lab) return {false, row.text};
        if (default_denial.empty()) default_denial = row.text;
    }
    if (std::ranges::find(rules_.hard_denied, peer) != rules_.hard_denied.end()) {
        if (!lab) return {false, "address of this machine or its back ends"};
        if (default_denial.empty()) default_denial = "address of this machine or its back ends";
    }
    if (!peer.is_v4() && default_denial.empty() && !kGlobalUnicast.contains(peer)) {
        default_denial = "outside 2000::/3";
    }

    if (contains(rules_.deny, peer)) return {false, "peers.deny"};
    const bool allowed = contains(rules_.allow, peer);
    if (!allowed && !default_denial.empty()) return {false, default_denial};

    // What NAT64 would translate to has to be allowed too (RFC 6052 §2.2).
    if (!peer.is_v4() && (kNat64.contains(peer) || kNat64Local.contains(peer))) {
        const IpAddress embedded = IpAddress::v4(peer.bytes().subspan(12, 4));
        if (relays_.owns(embedded)) return {false, "relay address of this node behind NAT64"};
        const Verdict inner = explain(embedded);
        if (!inner.allowed) return inner;
    }
    return {true, allowed ? "peers.allow" : "public address"};
}

std::optional<PolicyToken> PeerPolicy::check(const IpAddress& peer, bool relay_peers_only) const noexcept {
    if (relay_peers_only && !relays_.owns(peer)) return {};
    if (!explain(peer).allowed) return {};
    return PolicyToken{peer};
}

bool PeerPolicy::allows_port(std::uint16_t port) const noexcept {
    return port != 0 && std::ranges::any_of(rules_.allow_ports, [&](const Rules::Ports& range) {
        return range.first <= port && port <= range.last;
    });
}

}  // namespace turnpike::core
