#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.hpp"

namespace turnpike::crypto {

/// RFC 4648 §4, padded.
std::string base64(ByteView bytes);
/// RFC 4648 §5, for URLs and names, without padding.
std::string base64url(ByteView bytes);
/// Strict decode of §4: nothing on any other character, wrong padding or stray bits.
std::optional<Bytes> from_base64(std::string_view text);

std::string hex(ByteView bytes);

}  // namespace turnpike::crypto
