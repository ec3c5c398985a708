#pragma once

#include <optional>

#include "common/base/bytes.hpp"

namespace turnpike::crypto {

constexpr std::size_t kAesGcmNonceSize = 12;  // RFC 5116 §5.1: the only one
constexpr std::size_t kAesGcmTagSize = 16;

/// AEAD_AES_128_GCM or AEAD_AES_256_GCM, by the key's size (16 or 32 bytes).
///
/// Shape   sealed = ciphertext ‖ tag(16)
/// Source  RFC 5116 §5.1, §5.2
Bytes aes_gcm_seal(ByteView key, ByteView nonce, ByteView additional, ByteView plain);
/// Nothing unless the key, the nonce and every byte are those that sealed it.
std::optional<Bytes> aes_gcm_open(ByteView key, ByteView nonce, ByteView additional,
                                  ByteView sealed);

}  // namespace turnpike::crypto
