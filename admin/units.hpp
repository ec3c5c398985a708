#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"

namespace turnpike::admin {

/// 1536 → "1.5 kB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);
/// 75 → "1m15s", 90000 → "1d1h": the two greatest units.
std::string human_duration(std::int64_t seconds);
/// "90s", "10m", "1h30m", "2d", or plain seconds. Nothing for anything else, zero included.
std::optional<Seconds> parse_duration(std::string_view text);
/// 2026-11-23T07:15:00Z
std::string rfc3339(WallTime time);

/// `text` as a terminal may have it: control and escape characters become '?', broken UTF-8 too. What
/// people call themselves must not steer an administrator's screen.
std::string printable(std::string_view text);
/// Columns that printable UTF-8 takes; wide characters count two.
std::size_t display_width(std::string_view text);

}  // namespace turnpike::admin
