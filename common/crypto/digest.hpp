#pragma once

#include <array>

#include "common/base/bytes.hpp"

namespace turnpike::crypto {

using Md5 = std::array<std::uint8_t, 16>;
using Sha1 = std::array<std::uint8_t, 20>;
using Sha256 = std::array<std::uint8_t, 32>;

/// One-shot digests over the pieces in turn, as if they were one string.
Md5 md5(std::initializer_list<ByteView> pieces);
/// Only to name things (Redis scripts); it protects nothing.
Sha1 sha1(std::initializer_list<ByteView> pieces);
Sha256 sha256(std::initializer_list<ByteView> pieces);
/// RFC 2104, over the pieces in turn.
Sha1 hmac_sha1(ByteView key, std::initializer_list<ByteView> pieces);
Sha256 hmac_sha256(ByteView key, std::initializer_list<ByteView> pieces);
/// RFC 5869 with SHA-256; `out` at most 255 × 32 bytes.
void hkdf_sha256(ByteView secret, ByteView salt, std::string_view label, ByteSpan out);

}  // namespace turnpike::crypto
