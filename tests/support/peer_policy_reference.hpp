#pragma once

#include <algorithm>
#include <array>

#include "turn/core/peer_policy.hpp"

/// PeerPolicy's decision a second time: the security reference's section 4 by arithmetic on the
/// address, without a table of blocks and without the product's own comparison of blocks.
namespace turnpike::reference {

using core::PeerPolicy;

enum class Denial { None, Default, Lab, Hard };

inline Denial of_v4(std::uint32_t a) {
    const auto in = [a](std::uint32_t base, unsigned length) {
        return length == 0 || (a ^ base) >> (32 - length) == 0;
    };
    const auto dotted = [](unsigned w, unsigned x, unsigned y, unsigned z) {
        return (w << 24) | (x << 16) | (y << 8) | z;
    };
    const unsigned first = a >> 24;
    if (first == 0 || first >= 224 || a >> 16 == 0xA9FE || a == dotted(168, 63, 129, 16))
        return Denial::Hard;
    if (first == 127) return Denial::Lab;
    if (first == 10 || in(dotted(172, 16, 0, 0), 12) || a >> 16 == 0xC0A8) return Denial::Default;
    if (in(dotted(100, 64, 0, 0), 10) || in(dotted(198, 18, 0, 0), 15)) return Denial::Default;
    for (const std::uint32_t block :
         {dotted(192, 0, 0, 0), dotted(192, 0, 2, 0), dotted(198, 51, 100, 0),
          dotted(203, 0, 113, 0), dotted(192, 88, 99, 0), dotted(192, 31, 196, 0),
          dotted(192, 175, 48, 0), dotted(192, 52, 193, 0)}) {
        if (a >> 8 == block >> 8) return Denial::Default;
    }
    return Denial::None;
}

inline Denial of_v6(const std::array<std::uint8_t, 16>& raw) {
    const std::uint64_t high = load_u64(raw, 0), low = load_u64(raw, 8);
    const auto top = [high](unsigned bits) { return high >> (64 - bits); };
    if ((low >> 32 & 0xFDFFFFFF) == 0x00005EFE)
        return Denial::Hard;  // ISATAP, with or without the u bit
    if (high == 0 && low == 1) return Denial::Lab;
    if (high == 0) {
        const std::uint64_t upper = low >> 32;
        if (upper == 0 || upper == 0xFFFF || upper == 0xFFFF0000) return Denial::Hard;
    }
    if (top(10) == 0x3FA || top(8) == 0xFF) return Denial::Hard;          // fe80::/10, ff00::/8
    if (top(32) == 0x20010000 || top(16) == 0x2002) return Denial::Hard;  // Teredo, 6to4
    if (high == 0xFD00'0EC2'0000'0000 && low == 0x254) return Denial::Hard;
    if (high == 0xFD20'00CE'0000'0000 && low == 0x254) return Denial::Hard;
    if (top(3) != 1) return Denial::Default;
    if (top(23) == 0x2001'0000 >> 9 || top(32) == 0x20010DB8 || top(20) == 0x3FFF0)
        return Denial::Default;
    if (top(48) == 0x2620'004F'8000 || top(16) == 0x3FFE) return Denial::Default;
    return Denial::None;
}

inline bool inside(const Cidr& block, const IpAddress& address) {
    if (block.base.family() != address.family()) return false;
    for (unsigned bit = 0; bit < block.length; ++bit) {
        const std::uint8_t mask = static_cast<std::uint8_t>(0x80 >> (bit % 8));
        if ((block.base.bytes()[bit / 8] ^ address.bytes()[bit / 8]) & mask) return false;
    }
    return true;
}

/// Whether the policy without relays lets `peer` have a permission.
inline bool expected(const PeerPolicy::Rules& rules, const IpAddress& peer) {
    Denial denial = peer.is_v4() ? of_v4(load_u32(peer.bytes(), 0)) : of_v6(peer.raw());
    const bool lab = rules.mode == PeerPolicy::Mode::Lab;
    if (denial == Denial::Lab) denial = lab ? Denial::Default : Denial::Hard;
    if (std::ranges::find(rules.hard_denied, peer) != rules.hard_denied.end() &&
        denial != Denial::Hard) {
        denial = lab ? Denial::Default : Denial::Hard;
    }
    if (denial == Denial::Hard ||
        std::ranges::any_of(rules.deny, [&](const Cidr& block) { return inside(block, peer); }))
        return false;
    if (denial == Denial::Default && std::ranges::none_of(rules.allow, [&](const CidrPorts& one) {
            return inside(one.block, peer);
        }))
        return false;
    if (peer.is_v4()) return true;
    const std::uint64_t high = load_u64(peer.raw(), 0);
    const bool nat64 = (high == 0x0064'FF9B'0000'0000 && load_u32(peer.raw(), 8) == 0) ||
                       high >> 16 == 0x0064'FF9B'0001;
    return !nat64 || expected(rules, IpAddress::v4(peer.bytes().last(4)));
}

}  // namespace turnpike::reference
