#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace turnpike::cluster {

/// Weighted rendezvous hashing in whole numbers. Each node draws a time from the exponential
/// distribution whose rate is its weight, -ln(u) / weight with u from a hash of key and node; the
/// earliest wins, so that a node wins with a chance proportional to its weight, and no node's draw
/// depends on another's.
///
/// Whole numbers, because every machine must come to the same answer: libm's log differs in the
/// last bit between processors (with and without fused multiply-add).
///
/// Source  Thaler and Ravishankar (1998); the logarithm is Schindelhauer and Schomaker's (2005).
struct Draw {
    std::uint64_t time = UINT64_MAX;  // -ln(u), in units of 2^-58
    std::uint32_t weight = 1;         // never 0

    bool earlier_than(const Draw& other) const noexcept;
};

namespace rendezvous {

__extension__ typedef unsigned __int128 Wide;

/// The upper half of the product: of two fractions of 2^64, their product.
constexpr std::uint64_t times(std::uint64_t a, std::uint64_t b) noexcept {
    return static_cast<std::uint64_t>((Wide{a} * b) >> 64);
}

/// ln 2 and -ln(r) for r = 129/256, 130/256 … 256/256, in units of 2^-64; and 1/r in units of
/// 2^-63.
struct Logarithms {
    static constexpr std::uint64_t kLn2 = 0xB17217F7D1CF79ABULL;
    std::array<std::uint64_t, 128> minus_log{}, reciprocal{};

    constexpr Logarithms() noexcept {
        for (std::size_t i = 0; i < 128; ++i) {
            const std::uint64_t r = 129 + i;          // of 256
            const std::uint64_t y = (256 - r) << 56;  // 1 - r
            std::uint64_t power = y, sum = 0;
            for (std::uint64_t n = 1; n <= 64 && power > 0; ++n) {  // y + y²/2 + y³/3 + …
                sum += power / n;
                power = times(power, y);
            }
            minus_log[i] = sum;
            reciprocal[i] = static_cast<std::uint64_t>((Wide{1} << 71) / r);
        }
    }
};
inline constexpr Logarithms kLogarithms;

/// -ln(1 - x / 2^64) in units of 2^-58, for x from 1. Never below x itself; right to about one part
/// in 2^36.
constexpr std::uint64_t minus_log_of_rest(std::uint64_t x) noexcept {
    const std::uint64_t u = ~x + 1;  // 2^64 - x
    const int halvings = std::countl_zero(u);
    const std::uint64_t m = u << halvings;  // 1/2 … 1
    const std::size_t i = static_cast<std::size_t>(m >> 56) & 0x7F;
    // m = r (1 - t) with the next greater r of the table, so t is at most 1/128.
    const std::uint64_t t = times(((std::uint64_t{129} + i) << 56) - m, kLogarithms.reciprocal[i])
                            << 1;
    const std::uint64_t t2 = times(t, t), t3 = times(t2, t), t4 = times(t3, t);
    const std::uint64_t of_m =
        kLogarithms.minus_log[i] + (t + t2 / 2 + t3 / 3 + t4 / 4 + times(t4, t) / 5);
    const std::uint64_t all =
        static_cast<std::uint64_t>(halvings) * (Logarithms::kLn2 >> 6) + (of_m >> 6);
    return all < (x >> 6) ? x >> 6 : all;
}

/// Spreads every bit over all: the finish of Steele, Lea and Flood's SplitMix64 (2014).
constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

}  // namespace rendezvous

inline bool Draw::earlier_than(const Draw& other) const noexcept {
    return rendezvous::Wide{time} * other.weight < rendezvous::Wide{other.time} * weight;
}

}  // namespace turnpike::cluster
