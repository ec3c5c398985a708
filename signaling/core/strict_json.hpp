#pragma once

// For .cpp files of this room only: nlohmann/json stays out of public headers.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace turnpike::signaling {

enum class JsonFault : std::uint8_t { None, Malformed, TooDeep, DuplicateName, NulCharacter };

/// Parses JSON as a suspicious reader does: nesting is bounded while reading (not after), names in
/// an object are unique, and strings hold no NUL.
nlohmann::json parse_strict(std::string_view text, std::size_t depth_max, JsonFault& fault);

}  // namespace turnpike::signaling
