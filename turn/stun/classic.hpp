#pragma once

#include <array>
#include <optional>

#include "common/base/bytes.hpp"

namespace turnpike::stun {

/// Header and ERROR-CODE without a reason.
constexpr std::size_t kClassicErrorSize = 28;

/// The 500 for a request of classic STUN (no magic cookie, RFC 3489), whose 16 bytes of transaction
/// id come back as they are. Nothing for whatever is no such request. Sent over DTLS only, where
/// the client's address is proven and RFC 8489 demands an answer; anywhere else it gets silence.
///
/// Source  RFC 8489 §11; RFC 3489 §11.1
std::optional<std::array<std::uint8_t, kClassicErrorSize>> classic_error(
    ByteView datagram) noexcept;

}  // namespace turnpike::stun
