#include "turn/core/peer_policy.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/assert.hpp"

namespace turnpike::core {
namespace {

enum class Class : std::uint8_t {
    Hard,       // nothing lifts it
    HardLocal,  // this machine: default denial in mode "lab"
    Default,    // an operator's allow lifts it
};

struct Block {
    std::string_view text;
    Class denial;
};

// Security reference 4.2, and 4.3 below. Of two blocks that match, the hard one decides.
constexpr Block kBlocksV4[] = {
    {"0.0.0.0/8", Class::Hard},         // "this host": Linux routes 0.0.0.0 to loopback
    {"127.0.0.0/8", Class::HardLocal},  // loopback
    {"169.254.0.0/16", Class::Hard},    // link-local, cloud metadata
    {"224.0.0.0/4", Class::Hard},       // multicast
    {"240.0.0.0/4", Class::Hard},       // reserved, broadcast
    {"168.63.129.16/32", Class::Hard},  // Azure wire server
    {"192.0.0.0/24", Class::Default},   // IETF protocol assignments
    {"10.0.0.0/8", Class::Default},     // RFC 1918
    {"172.16.0.0/12", Class::Default},   {"192.168.0.0/16", Class::Default},
    {"100.64.0.0/10", Class::Default},  // carrier-grade NAT
    {"192.0.2.0/24", Class::Default},   // documentation
    {"198.51.100.0/24", Class::Default}, {"203.0.113.0/24", Class::Default},
    {"198.18.0.0/15", Class::Default},                                         // benchmarking
    {"192.88.99.0/24", Class::Default},                                        // 6to4 relay anycast
    {"192.31.196.0/24", Class::Default},                                       // AS112
    {"192.175.48.0/24", Class::Default}, {"192.52.193.0/24", Class::Default},  // AMT
};

constexpr Block kBlocksV6[] = {
    {"::1/128", Class::HardLocal},
    {"::/96", Class::Hard},              // unspecified, IPv4-compatible
    {"::ffff:0:0/96", Class::Hard},      // IPv4-mapped
    {"::ffff:0:0:0/96", Class::Hard},    // SIIT
    {"fe80::/10", Class::Hard},          // link-local: a scope cannot be said on the wire
    {"ff00::/8", Class::Hard},           // multicast
    {"2001::/32", Class::Hard},          // Teredo, RFC 8656 §21.2
    {"2002::/16", Class::Hard},          // 6to4
    {"fd00:ec2::254/128", Class::Hard},  // cloud metadata inside fc00::/7
    {"fd20:ce::254/128", Class::Hard},
    {"64:ff9b::/96", Class::Default},  // NAT64, judged by its IPv4 address as well
    {"64:ff9b:1::/48", Class::Default},
    {"100::/64", Class::Default},  // discard-only
    {"100:0:0:1::/64", Class::Default},
    {"5f00::/16", Class::Default},      // SRv6
    {"fc00::/7", Class::Default},       // unique local
    {"fec0::/10", Class::Default},      // site-local
    {"2001::/23", Class::Default},      // IETF protocol assignments
    {"2001:db8::/32", Class::Default},  // documentation
    {"3fff::/20", Class::Default},
    {"2620:4f:8000::/48", Class::Default},  // AS112
    {"3ffe::/16", Class::Default},          // 6bone
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
    return (raw[8] == 0x00 || raw[8] == 0x02) && raw[9] == 0x00 && raw[10] == 0x5E &&
           raw[11] == 0xFE;
}

bool contains(const std::vector<Cidr>& list, const IpAddress& address) noexcept {
    return std::ranges::any_of(list, [&](const Cidr& cidr) { return cidr.contains(address); });
}

bool lists(const std::vector<CidrPorts>& list, const IpAddress& address) noexcept {
    return std::ranges::any_of(
        list, [&](const CidrPorts& allow) { return allow.block.contains(address); });
}

// RFC 6052 §2.2: the IPv4 address follows the prefix, but for bits 64 to 71, which are zero.
IpAddress embedded(const IpAddress& peer, unsigned prefix_length) noexcept {
    std::array<std::uint8_t, 4> four{};
    std::size_t at = prefix_length / 8;
    for (std::uint8_t& byte : four) {
        if (at == 8) ++at;
        byte = peer.raw()[at++];
    }
    return IpAddress::v4(ByteView{four});
}

}  // namespace

PeerPolicy::PeerPolicy(Rules rules, const RelayDirectory& relays)
    : rules_(std::move(rules)), relays_(relays) {
    for (auto& [realm, lists] : std::exchange(rules_.realms, {})) {
        Rules own = rules_;
        static_cast<Lists&>(own) = lists;
        realms_[realm] = std::make_unique<const PeerPolicy>(std::move(own), relays);
    }
}

const PeerPolicy& PeerPolicy::for_realm(std::string_view realm) const noexcept {
    if (realms_.empty()) return *this;
    const auto found = realms_.find(realm);
    return found == realms_.end() ? *this : *found->second;
}

// What holds before the operator is asked.
PeerPolicy::Denial PeerPolicy::denial_of(const IpAddress& peer) const noexcept {
    const bool lab = rules_.mode == Mode::Lab;
    std::string_view by_default;
    if (is_isatap(peer)) return {"ISATAP", true};
    for (const Row& row : rows_for(peer)) {
        if (!row.cidr.contains(peer)) continue;
        if (row.denial == Class::Hard) {
            // ::1 is inside ::/96; in a lab its own row decides.
            if (lab && !by_default.empty() && peer.is_loopback()) continue;
            return {row.text, true};
        }
        if (row.denial == Class::HardLocal && !lab) return {row.text, true};
        if (by_default.empty()) by_default = row.text;
    }
    if (std::ranges::find(rules_.hard_denied, peer) != rules_.hard_denied.end()) {
        constexpr std::string_view kOwn = "address of this machine or its back ends";
        if (!lab) return {kOwn, true};
        if (by_default.empty()) by_default = kOwn;
    }
    if (!peer.is_v4() && by_default.empty() && !kGlobalUnicast.contains(peer))
        by_default = "outside 2000::/3";
    return {by_default, false};
}

std::optional<IpAddress> PeerPolicy::behind_nat64(const IpAddress& peer) const noexcept {
    if (peer.is_v4()) return {};
    for (const Cidr& prefix : rules_.nat64_prefixes) {
        if (prefix.contains(peer)) return embedded(peer, prefix.length);
    }
    // Of the local-use block only the end is certain.
    if (kNat64.contains(peer) || kNat64Local.contains(peer)) return embedded(peer, 96);
    return {};
}

PeerPolicy::Verdict PeerPolicy::explain(const IpAddress& peer) const noexcept {
    if (relays_.owns(peer)) return {true, "relay address of this node"};
    const Denial denial = denial_of(peer);
    if (denial.hard) return {false, denial.rule};
    if (contains(rules_.deny, peer)) return {false, "peers.deny"};
    const bool allowed = lists(rules_.allow, peer);
    if (!allowed && !denial.rule.empty()) return {false, denial.rule};

    // What NAT64 would translate to has to be allowed too (RFC 6052 §2.2).
    if (const auto inside = behind_nat64(peer)) {
        if (relays_.owns(*inside)) return {false, "relay address of this node behind NAT64"};
        const Verdict inner = explain(*inside);
        if (!inner.allowed) return inner;
    }
    return {true, allowed ? "peers.allow" : "public address"};
}

std::optional<PolicyToken> PeerPolicy::check(const IpAddress& peer,
                                             bool relay_peers_only) const noexcept {
    if (relay_peers_only && !relays_.owns(peer)) return {};
    if (!explain(peer).allowed) return {};
    return PolicyToken{peer};
}

bool PeerPolicy::allows_port(const Endpoint& peer) const noexcept {
    if (relays_.owns(peer.address)) return true;
    if (peer.port == 0) return false;
    bool whole = false, part = false;  // how peers.allow has the block
    for (const CidrPorts& allow : rules_.allow) {
        if (!allow.block.contains(peer.address)) continue;
        if (allow.ports && allow.ports->contains(peer.port)) return true;
        (allow.ports ? part : whole) = true;
    }
    if (part && !whole && !denial_of(peer.address).rule.empty()) return false;
    if (!std::ranges::any_of(rules_.allow_ports,
                             [&](const PortRange& range) { return range.contains(peer.port); })) {
        return false;
    }
    const auto inside = behind_nat64(peer.address);
    return !inside || allows_port({*inside, peer.port});
}

}  // namespace turnpike::core
