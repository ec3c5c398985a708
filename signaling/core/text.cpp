#include "signaling/core/text.hpp"

#include <algorithm>
#include <cstdint>

namespace turnpike::signaling {
namespace {

// The code point at `at`, which moves behind it; nothing for what RFC 3629 forbids (overlong forms,
// surrogates, beyond U+10FFFF, stray or missing continuation bytes).
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    std::size_t size = 1;
    char32_t value = first;
    char32_t least = 0;
    if (first >= 0xF0 && first < 0xF8) {
        size = 4, value = first & 0x07U, least = 0x10000;
    } else if (first >= 0xE0 && first < 0xF0) {
        size = 3, value = first & 0x0FU, least = 0x800;
    } else if (first >= 0xC0 && first < 0xE0) {
        size = 2, value = first & 0x1FU, least = 0x80;
    } else if (first >= 0x80) {
        return {};
    }
    if (text.size() - at < size) return {};
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U) return {};
        value = (value << 6) | (byte(at + i) & 0x3FU);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
    at += size;
    return value;
}

// What could hide, reorder or break the text of others. The joiners U+200C and U+200D stay: emoji
// and several scripts need them.
bool is_hidden(char32_t c) noexcept {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||            // C0, DEL, C1
           c == 0x061C || c == 0x200E || c == 0x200F ||       // direction marks
           (c >= 0x202A && c <= 0x202E) ||                    // embeddings and overrides
           (c >= 0x2066 && c <= 0x206F) ||                    // isolates, deprecated formats
           c == 0x2028 || c == 0x2029 ||                      // line and paragraph separators
           c == 0x00AD || c == 0x200B || c == 0x2060 || c == 0xFEFF ||  // invisible
           (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F) ||  // annotations, tags
           (c & 0xFFFE) == 0xFFFE;                            // noncharacters
}

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n'; }

}  // namespace

std::optional<std::string> shown_text(std::string_view text, std::size_t characters_max, bool lines) {
    std::string shown;
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t start = at;
        const auto c = next_code_point(text, at);
        if (!c) return {};
        const bool kept = (lines && (*c == '\n' || *c == '\t')) || !is_hidden(*c);
        if (!kept) continue;
        if (++count > characters_max) return {};
        shown.append(text.substr(start, at - start));
    }
    while (!shown.empty() && is_blank(shown.back())) shown.pop_back();
    const auto begin = std::ranges::find_if_not(shown, is_blank);
    shown.erase(shown.begin(), begin);
    if (shown.empty()) return {};
    return shown;
}

bool is_room_id(std::string_view text) noexcept {
    return text.size() >= 3 && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

bool is_token(std::string_view text, std::size_t size_max) noexcept {
    return !text.empty() && text.size() <= size_max &&
           std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace turnpike::signaling
