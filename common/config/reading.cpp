#include "common/config/reading.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace turnpike::config {
namespace {

constexpr std::size_t kExcerptMax = 120;

std::string_view line_of(std::string_view text, std::uint32_t number) {
    std::size_t at = 0;
    for (std::uint32_t line = 1; line < number; ++line) {
        at = text.find('\n', at);
        if (at == std::string_view::npos) return {};
        ++at;
    }
    std::string_view line = text.substr(at, text.find('\n', at) - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// Stars over what follows `value =`: an excerpt must not show a literal secret.
std::string masked(std::string_view line) {
    std::string out{line};
    constexpr std::string_view kKey = "value";
    for (std::size_t at = out.find(kKey); at != std::string::npos; at = out.find(kKey, at + 1)) {
        std::size_t i = at + kKey.size();
        while (i < out.size() &&
               (out[i] == '"' || out[i] == '\'' || out[i] == ' ' || out[i] == '\t'))
            ++i;
        if (i >= out.size() || out[i] != '=') continue;
        ++i;
        while (i < out.size() && (out[i] == ' ' || out[i] == '\t')) ++i;
        if (i >= out.size()) continue;
        const char quote = out[i] == '"' || out[i] == '\'' ? out[i] : '\0';
        while (quote && i < out.size() && out[i] == quote) ++i;  // one or three
        for (std::size_t j = i; j < out.size(); ++j) {
            if (quote ? out[j] == quote && out[j - 1] != '\\'
                      : out[j] == ' ' || out[j] == ',' || out[j] == '}')
                break;
            out[j] = '*';
        }
    }
    return out;
}

/// Byte offset of the `column`-th character (from 1).
std::size_t offset_of(std::string_view line, std::uint32_t column) {
    std::size_t at = 0;
    for (std::uint32_t i = 1; i < column && at < line.size(); ++i) {
        ++at;
        while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) ++at;
    }
    return at;
}

}  // namespace

Reading::Known& Reading::know(std::size_t table, std::string_view key) {
    std::vector<Known>& known = tables[table].known;
    for (Known& k : known) {
        if (k.key == key) return k;
    }
    known.push_back(Known{std::string{key}, {}, {}, false, {}, false});
    return known.back();
}

void Reading::add(Problem::Severity severity, const Place& place, std::string message) {
    if (severity == Problem::Severity::Error) ++errors;
    // One line of a translation may have become several: it is told of once.
    const bool told = place.line != 0 && place.source < sources.size() &&
                      !sources[place.source].origins.empty() &&
                      std::any_of(problems.begin(), problems.end(), [&](const Problem& p) {
                          return p.source == sources[place.source].name && p.line == place.line &&
                                 p.column == place.column && p.severity == severity;
                      });
    if (told) return;
    if (problems.size() >= Document::kProblemsMax) {
        ++problems_left_out;
        return;
    }
    const Source& source = sources[std::min<std::size_t>(place.source, sources.size() - 1)];
    problems.push_back(Problem{severity, source.name, place.line, place.column, std::move(message),
                               excerpt(place)});
}

Place Reading::place_of(const toml::source_region& region) const {
    Place place;
    // Sources are told apart by their number, which parse() was given as the path.
    if (region.path)
        std::from_chars(region.path->data(), region.path->data() + region.path->size(),
                        place.source);
    place.line = region.begin.line;
    place.column = region.begin.column;
    if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
        place.width = region.end.column - region.begin.column;
    }
    if (place.source < sources.size() && !sources[place.source].origins.empty()) {
        const std::vector<Place>& origins = sources[place.source].origins;
        return place.line >= 1 && place.line <= origins.size() ? origins[place.line - 1] : Place{};
    }
    return place;
}

std::string Reading::excerpt(const Place& place) const {
    if (place.line == 0 || place.source >= sources.size()) return {};
    const std::string_view original = line_of(sources[place.source].text, place.line);
    if (original.empty()) return {};
    const std::string line = masked(original);
    const std::size_t at = offset_of(original, place.column);
    const std::size_t end = offset_of(original, place.column + place.width);

    // A very long line is cut to a window around the place.
    std::size_t from = 0;
    if (line.size() > kExcerptMax && at > kExcerptMax / 2) from = at - kExcerptMax / 2;
    while (from > 0 && (static_cast<unsigned char>(line[from]) & 0xC0U) == 0x80U) --from;
    std::size_t size = std::min(kExcerptMax, line.size() - from);
    while (from + size < line.size() &&
           (static_cast<unsigned char>(line[from + size]) & 0xC0U) == 0x80U)
        ++size;

    std::string out = "    ";
    std::string below = "    ";
    for (std::size_t i = from; i < from + size; ++i) {
        const auto c = static_cast<unsigned char>(line[i]);
        out += c < 0x20 && c != '\t' ? '?' : line[i];
        if (i < at && (c & 0xC0U) != 0x80U) below += c == '\t' ? '\t' : ' ';
    }
    below += '^';
    std::size_t width = 0;
    for (std::size_t i = at; i < std::min(end, from + size); ++i) {
        if ((static_cast<unsigned char>(line[i]) & 0xC0U) != 0x80U) ++width;
    }
    if (width > 1) below.append(width - 1, '~');
    return out + "\n" + below + "\n";
}

std::string qualified(const Reading::OpenTable& table, std::string_view key) {
    return table.path.empty() ? std::string{key} : table.path + "." + std::string{key};
}

std::string toml_key(std::string_view name) {
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
    });
    return bare ? std::string{name} : toml_string(name);
}

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7F) {
            constexpr char kHex[] = "0123456789ABCDEF";
            out += "\\u00";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string_view kind_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::floating_point:
            return "a number with a fraction";
        case toml::node_type::boolean:
            return "true or false";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            return "a date or time";
        case toml::node_type::none:
            break;
    }
    return "nothing";
}

}  // namespace turnpike::config
