#pragma once

#include <bit>
#include <cstdint>

#include "common/base/bytes.hpp"

namespace turnpike {

/// SipHash-1-3 of `data` under a 128-bit key: for tables whose keys a stranger chooses.
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
inline std::uint64_t keyed_hash(std::uint64_t k0, std::uint64_t k1, ByteView data) noexcept {
    std::uint64_t v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
    std::uint64_t v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
    const auto round = [&]() noexcept {
        v0 += v1; v1 = std::rotl(v1, 13) ^ v0; v0 = std::rotl(v0, 32);
        v2 += v3; v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3; v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1; v1 = std::rotl(v1, 17) ^ v2; v2 = std::rotl(v2, 32);
    };
    std::size_t at = 0;
    for (; at + 8 <= data.size(); at += 8) {
        std::uint64_t m = 0;
        std::memcpy(&m, data.data() + at, 8);
        v3 ^= m;
        round();
        v0 ^= m;
    }
    std::uint64_t last = std::uint64_t{data.size()} << 56;
    for (std::size_t i = 0; at + i < data.size(); ++i) last |= std::uint64_t{data[at + i]} << (8 * i);
    v3 ^= last;
    round();
    v0 ^= last;
    v2 ^= 0xFF;
    round(); round(); round();
    return v0 ^ v1 ^ v2 ^ v3;
}

/// The key of one process's tables.
struct HashKey {
    std::uint64_t k0 = 0, k1 = 0;
    std::uint64_t operator()(ByteView data) const noexcept { return keyed_hash(k0, k1, data); }
};

}  // namespace turnpike
