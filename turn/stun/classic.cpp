#include "turn/stun/classic.hpp"

#include <algorithm>

#include "turn/stun/types.hpp"

namespace turnpike::stun {
namespace {

constexpr std::uint16_t kClassBits = 0x0110, kErrorBits = 0x0110;

}  // namespace

std::optional<std::array<std::uint8_t, kClassicErrorSize>> classic_error(
    ByteView datagram) noexcept {
    if (datagram.size() < kHeaderSize || (datagram[0] & 0xC0) != 0) return {};
    const std::uint16_t type = load_u16(datagram, 0);
    const std::size_t length = load_u16(datagram, 2);
    if ((type & kClassBits) != 0 || length % 4 != 0 || length != datagram.size() - kHeaderSize)
        return {};
    if (load_u32(datagram, 4) == kMagicCookie) return {};

    std::array<std::uint8_t, kClassicErrorSize> error{};
    const ByteSpan out{error};
    store_u16(out, 0, static_cast<std::uint16_t>(type | kErrorBits));
    store_u16(out, 2, kClassicErrorSize - kHeaderSize);
    std::ranges::copy(datagram.subspan(4, 16), error.begin() + 4);
    store_u16(out, 20, static_cast<std::uint16_t>(Attribute::ErrorCode));
    store_u16(out, 22, 4);
    constexpr auto kCode = static_cast<unsigned>(ErrorCode::ServerError);
    error[26] = kCode / 100;
    error[27] = kCode % 100;
    return error;
}

}  // namespace turnpike::stun
