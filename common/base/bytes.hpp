#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace turnpike {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;
using Bytes = std::vector<std::uint8_t>;

/// Big-endian loads and stores. The caller has checked that `at` plus the size is inside.
inline std::uint16_t load_u16(ByteView from, std::size_t at) noexcept {
    return static_cast<std::uint16_t>((from[at] << 8) | from[at + 1]);
}
inline std::uint32_t load_u32(ByteView from, std::size_t at) noexcept {
    return (std::uint32_t{load_u16(from, at)} << 16) | load_u16(from, at + 2);
}
inline std::uint64_t load_u64(ByteView from, std::size_t at) noexcept {
    return (std::uint64_t{load_u32(from, at)} << 32) | load_u32(from, at + 4);
}
inline void store_u16(ByteSpan to, std::size_t at, std::uint16_t value) noexcept {
    to[at] = static_cast<std::uint8_t>(value >> 8);
    to[at + 1] = static_cast<std::uint8_t>(value);
}
inline void store_u32(ByteSpan to, std::size_t at, std::uint32_t value) noexcept {
    store_u16(to, at, static_cast<std::uint16_t>(value >> 16));
    store_u16(to, at + 2, static_cast<std::uint16_t>(value));
}
inline void store_u64(ByteSpan to, std::size_t at, std::uint64_t value) noexcept {
    store_u32(to, at, static_cast<std::uint32_t>(value >> 32));
    store_u32(to, at + 4, static_cast<std::uint32_t>(value));
}

inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace turnpike
