#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace turnpike::crypto {

/// The OpaqueString profile, which RFC 8489 prescribes for usernames, realms and passwords before
/// they are compared and hashed: spaces other than U+0020 become it, then Unicode normalization
/// form C. Case, width and everything else stays.
///
/// Shape   UTF-8 in and out
/// Errors  nothing when the text is empty, no UTF-8, or has a code point that the FreeformClass of
/// RFC 8264
///         does not allow: controls, unassigned, ignorable (soft hyphen, zero width), old Hangul
///         jamo, or a joiner or a mark outside its context
/// Source  RFC 8265 §4.2, RFC 8264 §4.3 and §8, RFC 5892 appendix A
std::optional<std::string> opaque_string(std::string_view text);

}  // namespace turnpike::crypto
