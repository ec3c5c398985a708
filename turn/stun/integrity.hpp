#pragma once

#include <string_view>

#include "common/crypto/digest.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::stun {

/// The key of the long-term mechanism: MD5 or SHA-256 over username ":" realm ":" password
/// (RFC 8489 §18.5.1).
crypto::Md5 long_term_key_md5(std::string_view username, std::string_view realm, std::string_view password);
crypto::Sha256 long_term_key_sha256(std::string_view username, std::string_view realm, std::string_view password);

/// USERHASH: SHA-256 over username ":" realm (§14.4).
crypto::Sha256 userhash(std::string_view username, std::string_view realm);

/// Whether MESSAGE-INTEGRITY (HMAC-SHA1, exactly 20 bytes) is there and genuine, §14.5.
bool verify_message_integrity(const MessageView& message, ByteView key) noexcept;
/// The same for MESSAGE-INTEGRITY-SHA256: 16 to 32 bytes, a multiple of 4, §14.6.
bool verify_message_integrity_sha256(const MessageView& message, ByteView key) noexcept;

/// CRC-32 of ITU V.42 XOR 0x5354554E over all before the FINGERPRINT attribute, §14.7.
std::uint32_t fingerprint_of(ByteView before) noexcept;

}  // namespace turnpike::stun
