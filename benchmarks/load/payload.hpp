#pragma once

#include <cstdint>
#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// What one client sends to the other, so that the receiver can judge it alone.
///
///      0       4       8              16             24          size-4
///     +-------+-------+--------------+--------------+-----------+--------+
///     | magic | flow  | sequence     | scheduled ns | filler    | CRC-32 |
///     +-------+-------+--------------+--------------+-----------+--------+
///
/// The filler is a function of the sequence, so that a swapped or stale buffer is noticed even where
/// the checksum was swapped with it.
struct Payload {
    static constexpr std::size_t kSizeMin = 28;
    static constexpr std::size_t kSizeMax = 1400;
    static constexpr std::uint32_t kMagic = 0x54504231;  // "TPB1"

    std::uint32_t flow = 0;
    std::uint64_t sequence = 0;
    Instant scheduled{};

    /// Fills all of `out`, which has kSizeMin to kSizeMax bytes.
    void write(ByteSpan out) const noexcept;
    /// Nothing when a byte is not as it was written.
    static std::optional<Payload> read(ByteView bytes) noexcept;
};

/// CRC-32 of ITU V.42, as Ethernet has it.
std::uint32_t crc32(ByteView bytes) noexcept;

}  // namespace turnpike::bench
