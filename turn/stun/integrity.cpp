#include "turn/stun/integrity.hpp"

#include "common/base/secret.hpp"

namespace turnpike::stun {
namespace {

constexpr std::array<std::array<std::uint32_t, 256>, 4> make_crc_tables() {
    std::array<std::array<std::uint32_t, 256>, 4> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
        tables[0][byte] = crc;
    }
    for (std::size_t slice = 1; slice < 4; ++slice) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t previous = tables[slice - 1][byte];
            tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xFF];
        }
    }
    return tables;
}
constexpr auto kCrc = make_crc_tables();

std::uint32_t crc32(std::uint32_t crc, ByteView bytes) noexcept {
    std::size_t at = 0;
    for (; at + 4 <= bytes.size(); at += 4) {
        crc ^= std::uint32_t{bytes[at]} | (std::uint32_t{bytes[at + 1]} << 8) |
               (std::uint32_t{bytes[at + 2]} << 16) | (std::uint32_t{bytes[at + 3]} << 24);
        crc = kCrc[3][crc & 0xFF] ^ kCrc[2][(crc >> 8) & 0xFF] ^ kCrc[1][(crc >> 16) & 0xFF] ^ kCrc[0][crc >> 24];
    }
    for (; at < bytes.size(); ++at) crc = (crc >> 8) ^ kCrc[0][(crc ^ bytes[at]) & 0xFF];
    return crc;
}

// The header as the HMAC sees it: its length field counts up to the end of the integrity attribute
// and nothing after it (RFC 8489 §14.5).
std::array<std::uint8_t, kHeaderSize> header_up_to(ByteView message, std::size_t end) noexcept {
    std::array<std::uint8_t, kHeaderSize> header;
    std::memcpy(header.data(), message.data(), kHeaderSize);
    store_u16(header, 2, static_cast<std::uint16_t>(end - kHeaderSize));
    return header;
}

}  // namespace

crypto::Md5 long_term_key_md5(std::string_view username, std::string_view realm, std::string_view password) {
    return crypto::md5({as_bytes(username), as_bytes(":"), as_bytes(realm), as_bytes(":"), as_bytes(password)});
}

crypto::Sha256 long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password) {
    return crypto::sha256({as_bytes(username), as_bytes(":"), as_bytes(realm), as_bytes(":"), as_bytes(password)});
}

crypto::Sha256 userhash(std::string_view username, std::string_view realm) {
    return crypto::sha256({as_bytes(username), as_bytes(":"), as_bytes(realm)});
}

bool verify_message_integrity(const MessageView& message, ByteView key) noexcept {
    const auto at = message.offset_of(Attribute::MessageIntegrity);
    if (!at) return false;
    const ByteView value = message.value_at(*at);
    if (value.size() != 20) return false;
    const auto header = header_up_to(message.bytes(), *at + 4 + 20);
    const auto mac = crypto::hmac_sha1(key, {header, message.bytes().subspan(kHeaderSize, *at - kHeaderSize)});
    return Secret::same(mac, value);
}

bool verify_message_integrity_sha256(const MessageView& message, ByteView key) noexcept {
    const auto at = message.offset_of(Attribute::MessageIntegritySha256);
    if (!at) return false;
    const ByteView value = message.value_at(*at);
    if (value.size() < 16 || value.size() > 32 || value.size() % 4 != 0) return false;
    const auto header = header_up_to(message.bytes(), *at + 4 + value.size());
    const auto mac = crypto::hmac_sha256(key, {header, message.bytes().subspan(kHeaderSize, *at - kHeaderSize)});
    return Secret::same(ByteView{mac}.first(value.size()), value);
}

std::uint32_t fingerprint_of(ByteView before) noexcept {
    // The length field already counts the FINGERPRINT attribute: callers pass the finished header.
    return ~crc32(0xFFFFFFFFU, before) ^ 0x5354554EU;
}

}  // namespace turnpike::stun
