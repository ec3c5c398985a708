#include "turn/stun/message_builder.hpp"

#include "turn/stun/integrity.hpp"

namespace turnpike::stun {

MessageBuilder::MessageBuilder(ByteSpan space, Class message_class, Method method,
                               ByteView transaction_id) noexcept
    : space_(space) {
    if (space_.size() < kHeaderSize || transaction_id.size() != kTransactionIdSize) {
        ok_ = false;
        return;
    }
    // RFC 8489 §5, figure 3: M11..M7 C1 M6..M4 C0 M3..M0.
    const unsigned m = static_cast<unsigned>(method), c = static_cast<unsigned>(message_class);
    const unsigned type = (m & 0x000F) | ((m & 0x0070) << 1) | ((m & 0x0F80) << 2) | ((c & 1) << 4) | ((c & 2) << 7);
    store_u16(space_, 0, static_cast<std::uint16_t>(type));
    store_u32(space_, 4, kMagicCookie);
    std::memcpy(space_.data() + 8, transaction_id.data(), kTransactionIdSize);
    set_length(kHeaderSize);
}

void MessageBuilder::set_length(std::size_t size) noexcept {
    size_ = size;
    store_u16(space_, 2, static_cast<std::uint16_t>(size - kHeaderSize));
}

// Header and padding written, length set: the caller fills the value.
ByteSpan MessageBuilder::grow(std::uint16_t type, std::size_t size) noexcept {
    const std::size_t with_padding = (size + 3) & ~std::size_t{3};
    if (!ok_ || size > 0xFFFF || 4 + with_padding > space_.size() - size_ ||
        size_ + 4 + with_padding - kHeaderSize > 0xFFFC) {
        ok_ = false;
        return {};
    }
    store_u16(space_, size_, type);
    store_u16(space_, size_ + 2, static_cast<std::uint16_t>(size));
    const ByteSpan value = space_.subspan(size_ + 4, size);
    std::memset(space_.data() + size_ + 4 + size, 0, with_padding - size);
    set_length(size_ + 4 + with_padding);
    return value;
}

ByteSpan MessageBuilder::grow(Attribute type, std::size_t size) noexcept {
    return grow(static_cast<std::uint16_t>(type), size);
}

MessageBuilder& MessageBuilder::raw(std::uint16_t type, ByteView value) noexcept {
    const ByteSpan to = grow(type, value.size());
    if (!to.empty()) std::memcpy(to.data(), value.data(), value.size());
    return *this;
}

MessageBuilder& MessageBuilder::u8(Attribute type, std::uint8_t value) noexcept {
    const std::uint8_t raw_value[4] = {value, 0, 0, 0};
    return bytes(type, raw_value);
}

MessageBuilder& MessageBuilder::u16(Attribute type, std::uint16_t value) noexcept {
    std::uint8_t raw_value[4] = {};
    store_u16(raw_value, 0, value);
    return bytes(type, raw_value);
}

MessageBuilder& MessageBuilder::u32(Attribute type, std::uint32_t value) noexcept {
    std::uint8_t raw_value[4];
    store_u32(raw_value, 0, value);
    return bytes(type, raw_value);
}

MessageBuilder& MessageBuilder::u64(Attribute type, std::uint64_t value) noexcept {
    std::uint8_t raw_value[8];
    store_u64(raw_value, 0, value);
    return bytes(type, raw_value);
}

MessageBuilder& MessageBuilder::address(Attribute type, const Endpoint& endpoint) noexcept {
    const ByteView ip = endpoint.address.bytes();
    const ByteSpan to = grow(type, 4 + ip.size());
    if (to.empty()) return *this;
    to[0] = 0;
    to[1] = static_cast<std::uint8_t>(endpoint.address.family());
    store_u16(to, 2, endpoint.port);
    std::memcpy(to.data() + 4, ip.data(), ip.size());
    return *this;
}

MessageBuilder& MessageBuilder::xor_address(Attribute type, const Endpoint& endpoint) noexcept {
    const std::size_t before = size_;
    address(type, endpoint);
    if (!ok_) return *this;
    // RFC 8489 §14.2: the port with the cookie's upper half, the address with cookie and transaction id,
    // which stand in the message's header next to each other.
    const ByteSpan value = space_.subspan(before + 4, 4 + endpoint.address.bytes().size());
    store_u16(value, 2, static_cast<std::uint16_t>(endpoint.port ^ (kMagicCookie >> 16)));
    for (std::size_t i = 0; i + 4 < value.size(); ++i) value[4 + i] ^= space_[4 + i];
    return *this;
}

MessageBuilder& MessageBuilder::error(ErrorCode code) noexcept { return error(code, reason(code)); }

MessageBuilder& MessageBuilder::error(ErrorCode code, std::string_view phrase) noexcept {
    const ByteSpan to = grow(Attribute::ErrorCode, 4 + phrase.size());
    if (to.empty()) return *this;
    const unsigned number = static_cast<unsigned>(code);
    to[0] = to[1] = 0;
    to[2] = static_cast<std::uint8_t>(number / 100);
    to[3] = static_cast<std::uint8_t>(number % 100);
    std::memcpy(to.data() + 4, phrase.data(), phrase.size());
    return *this;
}

MessageBuilder& MessageBuilder::unknown_attributes(std::span<const std::uint16_t> types) noexcept {
    const ByteSpan to = grow(Attribute::UnknownAttributes, types.size() * 2);
    if (to.empty()) return *this;
    for (std::size_t i = 0; i < types.size(); ++i) store_u16(to, i * 2, types[i]);
    return *this;
}

MessageBuilder& MessageBuilder::password_algorithm(PasswordAlgorithm algorithm) noexcept {
    return u16(Attribute::PasswordAlgorithm, static_cast<std::uint16_t>(algorithm));  // no parameters
}

MessageBuilder& MessageBuilder::password_algorithms(std::span<const PasswordAlgorithm> algorithms) noexcept {
    const ByteSpan to = grow(Attribute::PasswordAlgorithms, algorithms.size() * 4);
    if (to.empty()) return *this;
    for (std::size_t i = 0; i < algorithms.size(); ++i) {
        store_u16(to, i * 4, static_cast<std::uint16_t>(algorithms[i]));
        store_u16(to, i * 4 + 2, 0);
    }
    return *this;
}

MessageBuilder& MessageBuilder::address_error(Family family, ErrorCode code) noexcept {
    const std::string_view phrase = reason(code);
    const ByteSpan to = grow(Attribute::AddressErrorCode, 4 + phrase.size());
    if (to.empty()) return *this;
    const unsigned number = static_cast<unsigned>(code);
    to[0] = static_cast<std::uint8_t>(family);
    to[1] = 0;
    to[2] = static_cast<std::uint8_t>(number / 100);
    to[3] = static_cast<std::uint8_t>(number % 100);
    std::memcpy(to.data() + 4, phrase.data(), phrase.size());
    return *this;
}

MessageBuilder& MessageBuilder::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t data) noexcept {
    // RFC 8656 §18.13: reserved(16) type(7) code(9) error-data(32).
    std::uint8_t value[8] = {};
    store_u16(value, 2, static_cast<std::uint16_t>(((type & 0x7F) << 9) | code));
    store_u32(value, 4, data);
    return bytes(Attribute::Icmp, value);
}

MessageBuilder& MessageBuilder::message_integrity(ByteView key) noexcept {
    const std::size_t covered = size_;
    const ByteSpan to = grow(Attribute::MessageIntegrity, 20);
    if (to.empty()) return *this;
    const auto mac = crypto::hmac_sha1(key, {ByteView{space_.first(covered)}});
    std::memcpy(to.data(), mac.data(), mac.size());
    return *this;
}

MessageBuilder& MessageBuilder::message_integrity_sha256(ByteView key) noexcept {
    const std::size_t covered = size_;
    const ByteSpan to = grow(Attribute::MessageIntegritySha256, 32);
    if (to.empty()) return *this;
    const auto mac = crypto::hmac_sha256(key, {ByteView{space_.first(covered)}});
    std::memcpy(to.data(), mac.data(), mac.size());
    return *this;
}

MessageBuilder& MessageBuilder::fingerprint() noexcept {
    const std::size_t covered = size_;
    const ByteSpan to = grow(Attribute::Fingerprint, 4);
    if (!to.empty()) store_u32(to, 0, fingerprint_of(space_.first(covered)));
    return *this;
}

}  // namespace turnpike::stun
