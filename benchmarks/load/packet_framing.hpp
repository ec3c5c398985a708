#pragma once

#include <optional>

#include "benchmarks/load/fleet.hpp"
#include "benchmarks/load/framing.hpp"
#include "common/base/bytes.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::bench {

/// Bytes that a payload may grow by.
constexpr std::size_t kFramingBytesMax = 64;

/// Where the payload of a member's packet begins in `out`, to be written there before seal().
std::size_t payload_offset(Framing framing, const FleetMember& member) noexcept;
/// Writes what goes around a payload of `size` bytes that is at payload_offset(); the whole
/// message's size.
std::size_t seal(ByteSpan out, Framing framing, const FleetMember& member, std::size_t size,
                 std::uint64_t number) noexcept;

/// The payload that the server brought to the member's client; nothing when the message brings
/// none.
std::optional<ByteView> payload_of(ByteView message, const FleetMember& member) noexcept;

}  // namespace turnpike::bench
