#include "turn/stun/attributes.hpp"

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
    if (value.size() < 4) return {};
    const unsigned hundreds = value[2] & 7, rest = value[3];
    if (hundreds < 3 || hundreds > 6 || rest > 99) return {};
    return ErrorValue{static_cast<std::uint16_t>(hundreds * 100 + rest), as_text(value.subspan(4))};
}

std::optional<IcmpValue> decode_icmp(ByteView value) noexcept {
    if (value.size() != 8) return {};
    const std::uint16_t both = load_u16(value, 2);
    return IcmpValue{static_cast<std::uint8_t>(both >> 9), static_cast<std::uint8_t>(both & 0x1FF), load_u32(value, 4)};
}

}  // namespace turnpike::stun
