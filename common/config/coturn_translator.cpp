#include "common/config/coturn_translator.hpp"

#include <algorithm>
#include <charconv>

#include "common/config/reading.hpp"
#include "common/config/units.hpp"

namespace turnpike::config::coturn {
namespace {

/// As coturn reads it: nothing is yes, and of words the first letter counts.
std::optional<bool> truth(std::string_view value) {
    if (value.empty()) return true;
    const char first = value.front();
    if (first == '0' || first == 'n' || first == 'N' || first == 'f' || first == 'F') return false;
    if ((first >= '1' && first <= '9') || first == 'y' || first == 'Y' || first == 't' ||
        first == 'T')
        return true;
    for (const std::string_view word : {"off", "Off", "OFF"}) {
        if (value == word) return false;
    }
    for (const std::string_view word : {"on", "On", "ON"}) {
        if (value == word) return true;
    }
    return {};
}

}  // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kMost = 80;
    return "\"" + std::string{text.substr(0, kMost)} + (text.size() > kMost ? "…\"" : "\"");
}

void TomlText::raw(const std::string& line, const Place& origin, bool said) {
    text += line;
    if (said && origin.line != 0) text += "  # line " + std::to_string(origin.line);
    text += '\n';
    origins.push_back(origin);
}

void TomlText::add(std::string_view line, const Place& origin, bool said) {
    if (!header_.empty()) {
        if (!text.empty()) raw("", {}, false);
        // A listener or user is its line; what is missing in [auth] is in none.
        raw(header_, header_.starts_with("[[") ? origin : Place{}, false);
        header_.clear();
    }
    raw(std::string{line}, origin, said);
}

void TomlText::list(std::string_view key,
                    const std::vector<std::pair<std::string, Place>>& elements) {
    if (elements.empty()) return add(std::string{key} + " = []");
    add(std::string{key} + " = [", elements.front().second, false);
    for (const auto& [element, origin] : elements) add("    " + element + ",", origin);
    add("]");
}

Translator::Translator(std::string_view text, const Conf::Options& options) : options_(options) {
    Lines lines = take_apart(text);
    out_.translation = {options.name, options.directory, std::move(lines.shown), {}, {}};
    if (text.size() > Conf::kFileBytesMax || lines.lines.size() > Conf::kLinesMax)
        lines.wrong = "the file is larger than a configuration can be";
    if (!lines.wrong.empty()) {
        out_.problems.emplace_back(Place{}, lines.wrong);
        return;
    }
    for (Line& line : lines.lines) collect(std::move(line));
}

void Translator::collect(Line line) {
    const Option* option = line.option;
    Entry found;
    found.at = line.name_at;
    found.option = option ? std::string{option->name} : line.name;
    if (!line.value.empty())
        found.given = !option || option->secret ? std::string{kRedacted} : line.value;
    out_.entries.push_back(std::move(found));
    Setting setting{option, std::move(line), out_.entries.size() - 1};

    if (!setting.line.wrong.empty()) {
        entry(setting).outcome = Outcome::Wrong;
        entry(setting).note = setting.line.wrong;
        out_.problems.emplace_back(setting.line.value_at, setting.line.wrong);
        return;
    }
    if (!option) {
        std::string why = "coturn has no option " + in_quotes(setting.line.name);
        if (const std::string_view near = nearest_option(setting.line.name); !near.empty())
            why += "; did you mean " + in_quotes(near) + "?";
        entry(setting).outcome = Outcome::Wrong;
        entry(setting).note = why;
        out_.problems.emplace_back(setting.line.name_at, std::move(why));
        return;
    }
    if (option->takes == Option::Takes::Value && setting.line.value.empty())
        return becomes(setting, Outcome::Ignored, "has no value");
    becomes(setting, option->outcome, option->note);
    if (option->takes == Option::Takes::Flag) {
        const auto read = truth(setting.line.value);
        if (!read)
            return wrong(setting, "is " + in_quotes(setting.line.value) + ", neither yes nor no");
        setting.on = *read;
        if (!setting.on) becomes(setting, Outcome::Default, "it is off");
    }
    if (setting.line.comment_kept) {
        Entry& of = entry(setting);
        of.notable = true;
        of.note =
            "coturn takes what looks like a comment as a part of the value, and so it is here";
    }
    if (!option->many) {
        for (Setting& earlier : settings_) {
            if (earlier.option != option) continue;
            becomes(earlier, Outcome::Ignored,
                    "line " + std::to_string(setting.line.name_at.line) +
                        " says it again, and the last one holds");
            earlier = std::move(setting);
            return;
        }
    }
    settings_.push_back(std::move(setting));
}

const Setting* Translator::last(std::string_view name) const {
    const auto found = std::find_if(settings_.rbegin(), settings_.rend(),
                                    [&](const Setting& s) { return s.option->name == name; });
    return found == settings_.rend() ? nullptr : &*found;
}

std::vector<const Setting*> Translator::all(std::string_view name) const {
    std::vector<const Setting*> found;
    for (const Setting& setting : settings_) {
        if (setting.option->name == name) found.push_back(&setting);
    }
    return found;
}

bool Translator::on(std::string_view name) const {
    const Setting* setting = last(name);
    return setting && setting->on;
}

void Translator::becomes(const Setting& setting, Outcome outcome, std::string_view note) {
    Entry& of = entry(setting);
    of.outcome = outcome;
    of.key.clear();
    of.value.clear();
    of.note = note;
    of.notable = outcome == Outcome::Unsupported;
}

void Translator::mapped(const Setting& setting, std::string_view key, std::string value,
                        std::string_view note) {
    Entry& of = entry(setting);
    const bool kept = setting.line.comment_kept;
    of.outcome = Outcome::Mapped;
    of.key = key;
    of.value = std::move(value);
    if (!kept) of.note = note;
    of.notable = kept || !note.empty();
}

Entry& Translator::absent(std::string_view option, Outcome outcome, std::string_view note) {
    Entry& of = out_.entries.emplace_back();
    of.option = option;
    of.outcome = outcome;
    of.note = note;
    return of;
}

void Translator::wrong(const Setting& setting, const std::string& why) {
    Entry& of = entry(setting);
    becomes(setting, Outcome::Wrong, why);
    const bool secret = setting.option->secret;
    out_.problems.emplace_back(secret ? of.at : setting.line.value_at, of.option + " " + why);
}

std::optional<std::uint64_t> Translator::number(const Setting& setting, std::uint64_t least,
                                                std::uint64_t most) {
    const std::string& text = setting.line.value;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool digits = end == text.data() + text.size() && end != text.data();
    if (!digits || (error != std::errc{} && error != std::errc::result_out_of_range)) {
        wrong(setting, "is " + in_quotes(text) + ", which is no number");
        return {};
    }
    if (error != std::errc{} || value < least || value > most) {
        wrong(setting, "is " + text.substr(0, 24) + "; it must be between " +
                           std::to_string(least) + " and " + std::to_string(most));
        return {};
    }
    return value;
}

std::optional<std::uint16_t> Translator::port(std::string_view option) {
    const Setting* setting = last(option);
    if (!setting) return {};
    const auto read = number(*setting, 1, 65535);
    if (!read) return {};
    return static_cast<std::uint16_t>(*read);
}

std::optional<IpAddress> Translator::address(const Setting& setting, std::string_view text) {
    const auto read = parse_address(text);
    if (read) return *read;
    const bool name = text.find_first_not_of("0123456789.:abcdefABCDEF/") != std::string_view::npos;
    wrong(setting,
          "is " + in_quotes(text) + ", which " + read.error() +
              (name ? " (coturn looks names up when it starts; that is not done here)" : ""));
    return {};
}

Conf Translator::run() {
    if (!out_.problems.empty() && out_.entries.empty()) return std::move(out_);
    node();
    listeners();
    relay();
    auth();
    redirect();
    quota();
    peers();
    fixed_lifetimes();
    what_stops();
    out_.translation.toml = std::move(toml_.text);
    out_.translation.origins = std::move(toml_.origins);
    std::ranges::stable_sort(out_.problems, {}, [](const auto& p) { return p.first.line; });
    return std::move(out_);
}

Conf Conf::read(std::string_view text, const Options& options) {
    return Translator{text, options}.run();
}

bool Conf::all_done() const noexcept {
    return std::ranges::none_of(entries, [](const Entry& e) {
        return e.outcome == Outcome::Unsupported || e.outcome == Outcome::Wrong;
    });
}

std::string Entry::to_string(std::string_view file) const {
    std::string text{file};
    if (at.line != 0) text += ":" + std::to_string(at.line);
    text += ": " + option;
    if (!given.empty()) text += "=" + given;
    if (at.line == 0) text += " (not there)";
    text += ": " + std::string{coturn::to_string(outcome)};
    if (outcome == Outcome::Mapped) text += " to " + key + " = " + value;
    if (!note.empty()) text += (outcome == Outcome::Mapped ? "; " : ": ") + note;
    return text;
}

}  // namespace turnpike::config::coturn
