#pragma once

#include "common/base/bytes.hpp"

namespace turnpike::net {

/// What a client's connection begins with, TLS taken off, as far as it decides where it goes.
enum class FirstBytes : std::uint8_t {
    NeedMore,
    Turn,      // STUN's: a TURN client begins with a request
    Foreign,   // another protocol's: HTTP is letters
    Refused,   // nobody's: control bytes, a proxy's header (an upstream could believe it), TLS inside TLS
};

/// Source  RFC 7983 §7 for STUN's first byte. ChannelData, whose range has the letters in it, never comes first: there
///         is no channel before a request made one.
constexpr FirstBytes classify_first_bytes(ByteView bytes) noexcept {
    if (bytes.empty()) return FirstBytes::NeedMore;
    if (bytes[0] <= 3) return FirstBytes::Turn;
    if (bytes[0] < 0x20) return FirstBytes::Refused;
    // PROXY protocol, version 1.
    constexpr std::string_view kProxy = "PROXY ";
    std::size_t same = 0;
    while (same < kProxy.size() && same < bytes.size() && bytes[same] == static_cast<std::uint8_t>(kProxy[same])) ++same;
    if (same == kProxy.size()) return FirstBytes::Refused;
    return same == bytes.size() ? FirstBytes::NeedMore : FirstBytes::Foreign;
}

}  // namespace turnpike::net
