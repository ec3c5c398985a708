#pragma once

#include <cstdint>

#include "common/base/bytes.hpp"

namespace turnpike::stun {

enum class Kind : std::uint8_t { Stun, ChannelData, Dtls, Other };

/// What a datagram is, by its first byte (RFC 7983 §7: 0..3 STUN, 20..63 DTLS, 64..79 ChannelData).
constexpr Kind classify(ByteView datagram) noexcept {
    if (datagram.empty()) return Kind::Other;
    const std::uint8_t first = datagram[0];
    if (first <= 3) return Kind::Stun;
    if (first >= 64 && first <= 127) return Kind::ChannelData;  // 80..127 is the range of RFC 5766
    if (first >= 20 && first <= 63) return Kind::Dtls;
    return Kind::Other;
}

}  // namespace turnpike::stun
