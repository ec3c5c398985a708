#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::signaling {

/// A stranger's text made fit to be shown to others: control, bidirectional-control and invisible
/// format characters are dropped, outer blanks trimmed. `lines` keeps line feeds and tabs (chat).
/// Nothing when it is no UTF-8, empty afterwards, or longer than `characters_max` code points.
std::optional<std::string> shown_text(std::string_view text, std::size_t characters_max, bool lines = false);

/// A room id: [a-z0-9-]{3,64}.
bool is_room_id(std::string_view text) noexcept;

/// 1 to `size_max` characters of printable ASCII without blanks: ids that clients choose.
bool is_token(std::string_view text, std::size_t size_max) noexcept;

}  // namespace turnpike::signaling
