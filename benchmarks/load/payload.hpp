#pragma once

#include <cstdint>
#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// What one end sends to the other, so that the receiver can judge it alone.
///
///      0       4       8              16             24      28
///     +-------+-------+--------------+--------------+-------+-----------+
///     | magic | flow  | sequence     | scheduled ns | check | filler …  |
///     +-------+-------+--------------+--------------+-------+-----------+
///
/// The check covers what is before it and the size. The filler is a function of the sequence and of
/// its place, compared word by word: a swapped, stale, cut or lengthened buffer is noticed for the
/// price of a copy.
struct Payload {
    static constexpr std::size_t kSizeMin = 28;
    static constexpr std::size_t kSizeMax = 1400;
    static constexpr std::uint32_t kMagic = 0x54504232;  // "TPB2"

    std::uint32_t flow = 0;
    std::uint64_t sequence = 0;
    Instant scheduled{};

    /// Fills all of `out`, which has kSizeMin to kSizeMax bytes.
    void write(ByteSpan out) const noexcept;
    /// Nothing when a byte is not as it was written.
    static std::optional<Payload> read(ByteView bytes) noexcept;
};

}  // namespace turnpike::bench
