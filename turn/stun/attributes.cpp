#include "turn/stun/attributes.hpp"

#include <algorithm>

namespace turnpike::stun {
namespace {

std::optional<Endpoint> decode(ByteView value, const std::uint8_t* mask) noexcept {
    if (value.size() < 8) return {};
    const std::uint8_t family = value[1];
    const bool v4 = family == static_cast<std::uint8_t>(Family::V4);
    if (!v4 && family != static_cast<std::uint8_t>(Family::V6)) return {};
    const std::size_t size = v4 ? 4 : 16;
    if (value.size() != 4 + size) return {};
    std::array<std::uint8_t, 16> ip{};
    std::memcpy(ip.data(), value.data() + 4, size);
    std::uint16_t port = load_u16(value, 2);
    if (mask != nullptr) {
        for (std::size_t i = 0; i < size; ++i) ip[i] ^= mask[i];
        port = static_cast<std::uint16_t>(port ^ (kMagicCookie >> 16));
    }
    return Endpoint{v4 ? IpAddress::v4(ByteView{ip}.first(4)) : IpAddress::v6(ip), port};
}

// RFC 8489 §14.8: class(3 bits) number(8) in the third and fourth byte.
std::optional<std::uint16_t> decode_code(ByteView value) noexcept {
    if (value.size() < 4) return {};
    const unsigned hundreds = value[2] & 7, rest = value[3];
    if (hundreds < 3 || hundreds > 6 || rest > 99) return {};
    return static_cast<std::uint16_t>(hundreds * 100 + rest);
}

}  // namespace

std::optional<Endpoint> decode_address(ByteView value) noexcept { return decode(value, nullptr); }

std::optional<Endpoint> decode_xor_address(ByteView value, ByteView transaction_id) noexcept {
    if (transaction_id.size() != kTransactionIdSize) return {};
    std::array<std::uint8_t, 16> mask;
    store_u32(mask, 0, kMagicCookie);
    std::memcpy(mask.data() + 4, transaction_id.data(), kTransactionIdSize);
    return decode(value, mask.data());
}

std::optional<std::uint32_t> decode_u32(ByteView value) noexcept {
    if (value.size() != 4) return {};
    return load_u32(value, 0);
}

std::optional<std::uint64_t> decode_u64(ByteView value) noexcept {
    if (value.size() != 8) return {};
    return load_u64(value, 0);
}

std::optional<std::uint16_t> decode_channel_number(ByteView value) noexcept {
    if (value.size() != 4) return {};
    return load_u16(value, 0);
}

std::optional<std::uint8_t> decode_requested_transport(ByteView value) noexcept {
    if (value.size() != 4) return {};
    return value[0];
}

std::optional<std::uint8_t> decode_address_family(ByteView value) noexcept {
    if (value.size() != 4) return {};
    return value[0];
}

std::optional<bool> decode_even_port(ByteView value) noexcept {
    if (value.size() != 1) return {};
    return (value[0] & 0x80) != 0;
}

std::optional<ErrorValue> decode_error(ByteView value) noexcept {
    const auto code = decode_code(value);
    if (!code) return {};
    return ErrorValue{*code, as_text(value.subspan(4))};
}

std::optional<AddressErrorValue> decode_address_error(ByteView value) noexcept {
    const auto code = decode_code(value);
    if (!code) return {};
    return AddressErrorValue{value[0], *code, as_text(value.subspan(4))};
}

std::optional<PasswordAlgorithmValue> decode_password_algorithm(ByteView value) noexcept {
    const auto first = next_password_algorithm(value);
    if (!first || !value.empty()) return {};
    return first;
}

std::optional<PasswordAlgorithmValue> next_password_algorithm(ByteView& rest) noexcept {
    if (rest.size() < 4) return {};
    const std::size_t size = load_u16(rest, 2);
    if (size > rest.size() - 4) return {};
    const PasswordAlgorithmValue entry{load_u16(rest, 0), rest.subspan(4, size)};
    // The last entry's padding may be the attribute's own.
    rest = rest.subspan(std::min(rest.size(), 4 + ((size + 3) & ~std::size_t{3})));
    return entry;
}

std::optional<IcmpValue> decode_icmp(ByteView value) noexcept {
    if (value.size() != 8) return {};
    const std::uint16_t both = load_u16(value, 2);
    if ((both & 0x100) != 0) return {};
    return IcmpValue{static_cast<std::uint8_t>(both >> 9), static_cast<std::uint8_t>(both & 0xFF), load_u32(value, 4)};
}

}  // namespace turnpike::stun
