#include "common/config/coturn_lines.hpp"

#include <algorithm>

namespace turnpike::config::coturn {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kBetween = " \t=";

bool blank(char c) {
    return c == ' ' || c == '\t';
}

/// Length of the UTF-8 character that `text` begins with; 0 when it is none.
std::size_t character(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    std::size_t size = 0;
    unsigned least = 0, code = 0;
    if (first >= 0xC2 && first <= 0xDF) {
        size = 2, least = 0x80, code = first & 0x1FU;
    } else if ((first & 0xF0U) == 0xE0) {
        size = 3, least = 0x800, code = first & 0x0FU;
    } else if (first >= 0xF0 && first <= 0xF4) {
        size = 4, least = 0x10000, code = first & 0x07U;
    } else {
        return 0;
    }
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0U) != 0x80) return 0;
        code = code << 6 | (at(i) & 0x3FU);
    }
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < least || code > 0x10FFFF || surrogate ? 0 : size;
}

std::uint32_t characters(std::string_view text) {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// What TOML could not hold, or nobody means.
std::string unfit(std::string_view line, std::size_t& at) {
    for (at = 0; at < line.size();) {
        const auto c = static_cast<unsigned char>(line[at]);
        if ((c < 0x20 && c != '\t') || c == 0x7F) return "a control character";
        const std::size_t size = character(line.substr(at));
        if (size == 0) return "a byte that is no UTF-8";
        at += size;
    }
    return {};
}

std::string_view without_blanks_behind(std::string_view text) {
    const std::size_t last = text.find_last_not_of(kBlanks);
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// Where a comment begins: a '#' at the beginning or behind a blank; npos without one.
std::size_t comment_in(std::string_view text) {
    for (std::size_t at = text.find('#'); at != std::string_view::npos;
         at = text.find('#', at + 1)) {
        if (at == 0 || blank(text[at - 1])) return at;
    }
    return std::string_view::npos;
}

/// As coturn: whatever there is, but for quotes around it.
std::string_view secret_of(std::string_view rest, Line& line) {
    line.comment_kept = comment_in(rest) != std::string_view::npos;
    if (rest.starts_with('"')) {
        rest.remove_prefix(1);
        if (rest.ends_with('"')) rest.remove_suffix(1);
    }
    return rest;
}

std::string_view value_of(std::string_view rest, Line& line) {
    if (rest.starts_with('"') || rest.starts_with('\'')) {
        const std::size_t end = rest.find(rest.front(), 1);
        if (end == std::string_view::npos) {
            line.wrong = "the quote is not closed";
            return {};
        }
        const std::string_view behind = rest.substr(end + 1);
        const std::size_t more = behind.find_first_not_of(kBlanks);
        if (more != std::string_view::npos && (behind[more] != '#' || more == 0))
            line.wrong = "there is more behind the closing quote";
        return rest.substr(1, end - 1);
    }
    return without_blanks_behind(rest.substr(0, comment_in(rest)));
}

class Taker {
public:
    explicit Taker(std::string_view text)
        : text_(text.substr(text.starts_with("\xEF\xBB\xBF") ? 3 : 0)) {
        out_.shown = text_;
    }

    Lines all() {
        if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
            out_.wrong = "the file is UTF-16; save it as UTF-8";
        } else if (text_.find('\0') != std::string_view::npos) {
            out_.wrong = "the file has a NUL byte; it is no text";
        }
        if (!out_.wrong.empty()) return std::move(out_);

        std::size_t at = 0;
        for (std::uint32_t number = 1; at < text_.size(); ++number) {
            const std::size_t end = std::min(text_.find('\n', at), text_.size());
            std::string_view line = text_.substr(at, end - at);
            if (line.ends_with('\r')) line.remove_suffix(1);
            one(line, number);
            at = end + 1;
        }
        return std::move(out_);
    }

private:
    static Place place(std::string_view line, std::uint32_t number, std::string_view part) {
        const auto before = static_cast<std::size_t>(part.data() - line.data());
        return {.source = 0,
                .line = number,
                .column = characters(line.substr(0, before)) + 1,
                .width = std::max(1U, characters(part))};
    }

    void one(std::string_view line, std::uint32_t number) {
        const std::size_t begin = line.find_first_not_of(kBlanks);
        if (begin == std::string_view::npos || line[begin] == '#') return;

        Line out;
        const std::string_view said = without_blanks_behind(line.substr(begin));
        const std::string_view name = said.substr(0, said.find_first_of(kBetween));
        std::string_view rest = said.substr(name.size());
        rest.remove_prefix(std::min(rest.find_first_not_of(kBetween), rest.size()));
        out.name = name;
        out.name_at = place(line, number, name);
        out.option = find_option(name);

        if (out.option && !out.option->secret) {
            rest = value_of(rest, out);
        } else {
            star(rest);
            rest = secret_of(rest, out);
        }
        out.value = rest;
        out.value_at = rest.empty() ? out.name_at : place(line, number, rest);
        if (name.empty()) {
            out.wrong = "there is no name in front of the '='";
            out.name = "?";
            out.name_at = out.value_at = place(line, number, said.substr(0, 1));
        }
        std::size_t at = 0;
        if (std::string why = unfit(said, at); !why.empty()) {
            out.wrong = "there is " + why + " in this line";
            out.value_at = place(line, number, said.substr(at, 1));
            out.name = "?";
            out.value.clear();
        }
        out_.lines.push_back(std::move(out));
    }

    void star(std::string_view secret) {
        const auto from = static_cast<std::size_t>(secret.data() - text_.data());
        for (std::size_t i = 0; i < secret.size(); ++i) {
            // One star a byte, so that columns of plain text stay what they are.
            if (!blank(secret[i])) out_.shown[from + i] = '*';
        }
    }

    std::string_view text_;
    Lines out_;
};

}  // namespace

Lines take_apart(std::string_view text) {
    return Taker{text}.all();
}

}  // namespace turnpike::config::coturn
