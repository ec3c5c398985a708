#include "admin/units.hpp"

#include <array>
#include <ctime>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace turnpike::admin {
namespace {

struct Unit {
    std::int64_t seconds;
    char letter;
};
constexpr std::array<Unit, 4> kUnits{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};

struct CodePoint {
    char32_t value = 0;
    std::size_t size = 1;
    bool good = false;
};

CodePoint decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {first, 1, true};
    const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < size) return {};
    char32_t value = first & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {};
        value = (value << 6) | (byte(i) & 0x3FU);
    }
    const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
    const bool good = !overlong && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    return {value, good ? size : 1, good};
}

// C0, DEL, C1, and what turns the direction of text around.
bool steers(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

bool is_wide(char32_t c) {
    return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
           (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool is_combining(char32_t c) { return (c >= 0x300 && c <= 0x36F) || (c >= 0xFE00 && c <= 0xFE0F); }

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
    if (bytes < 1000) return fmt::format("{} B", bytes);
    constexpr std::array<std::string_view, 6> kNames{"kB", "MB", "GB", "TB", "PB", "EB"};
    double value = static_cast<double>(bytes) / 1000;
    std::size_t name = 0;
    while (value >= 999.5 && name + 1 < kNames.size()) {
        value /= 1000;
        ++name;
    }
    return value < 9.95 ? fmt::format("{:.1f} {}", value, kNames[name]) : fmt::format("{:.0f} {}", value, kNames[name]);
}

std::string human_duration(std::int64_t seconds) {
    if (seconds <= 0) return "0s";
    for (std::size_t i = 0; i < kUnits.size(); ++i) {
        if (seconds < kUnits[i].seconds) continue;
        std::string out = fmt::format("{}{}", seconds / kUnits[i].seconds, kUnits[i].letter);
        const std::int64_t rest = seconds % kUnits[i].seconds;
        if (i + 1 < kUnits.size() && rest / kUnits[i + 1].seconds > 0) {
            out += fmt::format("{}{}", rest / kUnits[i + 1].seconds, kUnits[i + 1].letter);
        }
        return out;
    }
    return "0s";
}

std::optional<Seconds> parse_duration(std::string_view text) {
    constexpr std::int64_t kMost = 1'000'000'000;
    std::int64_t total = 0, number = 0;
    bool digits = false, units = false;
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
            digits = true;
            if (number > kMost) return {};
            continue;
        }
        const Unit* unit = nullptr;
        for (const Unit& each : kUnits) {
            if (each.letter == c) unit = &each;
        }
        if (unit == nullptr || !digits) return {};
        total += number * unit->seconds;
        number = 0;
        digits = false;
        units = true;
        if (total > kMost) return {};
    }
    if (digits && units) return {};  // "1h30": thirty of what?
    if (digits) total = number;
    if (total <= 0) return {};
    return Seconds{total};
}

std::string rfc3339(WallTime time) {
    const auto seconds = static_cast<std::time_t>(unix_seconds(time));
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const CodePoint point = decode(text);
        if (point.good && !steers(point.value)) out.append(text.substr(0, point.size));
        else out += '?';
        text.remove_prefix(point.size);
    }
    return out;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const CodePoint point = decode(text);
        if (!is_combining(point.value)) width += is_wide(point.value) ? 2 : 1;
        text.remove_prefix(point.size);
    }
    return width;
}

}  // namespace turnpike::admin
