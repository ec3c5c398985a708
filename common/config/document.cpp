#include "common/config/document.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/config/reading.hpp"
#include "common/config/text_file.hpp"

namespace turnpike::config {
namespace {

/// toml++ nests a table for every dot of a key and takes them apart recursively: a line of a
/// hundred thousand dots must not reach it.
constexpr std::size_t kDotsOfALineMax = 1024;

/// What toml++ would not say as well as we can.
std::optional<std::string> unfit(std::string_view text, Place& place) {
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
        return "the file is UTF-16; save it as UTF-8";
    place.line = 1;
    std::size_t dots = 0;
    for (const char c : text) {
        if (c == '\0') return "the file has a NUL byte; it is no text";
        if (c == '\n') {
            ++place.line;
            dots = 0;
        } else if (c == '.' && ++dots > kDotsOfALineMax) {
            place.column = 1;
            return "more than 1024 dots in one line; break the list over several lines";
        }
    }
    return {};
}

/// Lays `over` over `under`. Tables merge, a number indexes a list, all else is replaced.
void merge(toml::table& under, toml::table& over) {
    for (auto&& [key, node] : over) {
        toml::node* there = under.get(key.str());
        if (toml::table* from = node.as_table(); from && there) {
            if (toml::table* into = there->as_table()) {
                merge(*into, *from);
                continue;
            }
            if (toml::array* list = there->as_array()) {
                bool indexed = !from->empty();
                for (auto&& [number, element] : *from) {
                    std::size_t at = 0;
                    const std::string_view digits = number.str();
                    const auto [end, error] =
                        std::from_chars(digits.data(), digits.data() + digits.size(), at);
                    toml::table* into = error == std::errc{} &&
                                                end == digits.data() + digits.size() &&
                                                at < list->size()
                                            ? (*list)[at].as_table()
                                            : nullptr;
                    if (into && element.is_table()) {
                        merge(*into, *element.as_table());
                    } else {
                        indexed = false;
                    }
                }
                if (indexed) continue;
            }
        }
        under.insert_or_assign(key, std::move(node));
    }
}

/// A date that nobody quoted, "node.id=2024-01-01", is meant as a string.
bool is_date(const toml::node& node) {
    if (const toml::table* table = node.as_table())
        return table->size() == 1 && is_date(table->begin()->second);
    return node.is_date() || node.is_time() || node.is_date_time();
}

}  // namespace

Document::Document(Options options) : reading_(std::make_unique<Reading>()) {
    reading_->options = options;
}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

void Document::load(const std::filesystem::path& file) {
    auto read = TextFile::read(file, kFileBytesMax);
    if (!read) {
        reading_->sources[0] = {"", "", {}, {}};
        reading_->unreadable = true;
        problem(Place{}, std::move(read.error()));
        return;
    }
    parse(read->text, file.string());
    reading_->sources[0].directory = file.parent_path();
}

void Document::parse(std::string_view text, std::string name) {
    reading_->sources[0] = {std::move(name), std::string{text}, {}, {}};
    Place place;
    if (auto why = unfit(text, place)) {
        reading_->unreadable = true;
        if (place.column == 0) place.line = 0;
        problem(place, std::move(*why));
        return;
    }
    try {
        reading_->root = toml::parse(reading_->sources[0].text, std::string_view{"0"});
    } catch (const toml::parse_error& error) {
        reading_->unreadable = true;
        problem(reading_->place_of(error.source()), std::string{error.description()});
    }
}

void Document::translated(Translation translation) {
    reading_->sources[0] = {std::move(translation.name), std::move(translation.shown),
                            std::move(translation.directory), std::move(translation.origins)};
    try {
        reading_->root = toml::parse(translation.toml, std::string_view{"0"});
    } catch (const toml::parse_error& error) {
        reading_->unreadable = true;
        problem(reading_->place_of(error.source()), std::string{error.description()});
    }
}

void Document::set(std::string_view assignment) {
    const std::size_t equals = assignment.find('=');
    const std::string_view key = assignment.substr(0, equals);
    const auto index = static_cast<std::uint32_t>(reading_->sources.size());
    reading_->sources.push_back({"--set " + std::string{key}, std::string{assignment}, {}, {}});
    const Place whole{.source = index};
    if (equals == std::string_view::npos || key.empty()) {
        problem(whole, "write it as key=value, for example --set relay.min_port=50000");
        return;
    }
    Place place{.source = index};
    if (auto why = unfit(assignment, place)) {
        problem(whole, std::move(*why));
        return;
    }

    const std::string number = std::to_string(index);
    const std::string_view value = assignment.substr(equals + 1);
    // What opens a string, list or table means TOML, but for [::1]:3478; else it may be a bare
    // word.
    const bool bare = Endpoint::parse(value) || (value.find_first_of("\"'[{") != 0 &&
                                                 value.find('\n') == std::string_view::npos);
    std::string failure;
    Place failed;
    for (const bool as_string : {false, true}) {
        if (as_string && !bare) break;
        const std::string text =
            as_string ? std::string{key} + "=" + toml_string(value) : std::string{assignment};
        try {
            toml::table table = toml::parse(text, std::string_view{number});
            if (!as_string && bare && is_date(table)) continue;
            merge(reading_->root, table);
            return;
        } catch (const toml::parse_error& error) {
            failure = error.description();
            failed = reading_->place_of(error.source());
        }
    }
    problem(failed, std::move(failure));
}

Table Document::root() {
    if (reading_->tables.empty()) {
        Reading::OpenTable open;
        open.node = &reading_->root;
        reading_->tables.push_back(std::move(open));
    }
    return Table{reading_.get(), 0};
}

bool Document::dev() const noexcept {
    return reading_->options.dev;
}

void Document::finish() {
    // By index: reporting adds no tables, but place() may look any of them up.
    for (const Reading::OpenTable& table : reading_->tables) {
        if (!table.node) continue;
        std::vector<std::string_view> names;
        for (const Reading::Known& known : table.known) names.push_back(known.key);
        for (auto&& [key, node] : *table.node) {
            const std::string_view name = key.str();
            if (std::find(names.begin(), names.end(), name) != names.end()) continue;

            const bool section =
                table.path.empty() && (node.is_table() || node.is_array_of_tables());
            std::string message = section ? "unknown table [" : "unknown key \"";
            message += std::string{name} + (section ? "]" : "\"");
            if (!section && !table.path.empty()) message += " in [" + table.header + "]";
            const std::string_view near = nearest(name, names);
            if (!near.empty()) {
                message += section ? "; did you mean [" + std::string{near} + "]?"
                                   : "; did you mean \"" + std::string{near} + "\"?";
            } else {
                for (const Reading::OpenTable& other : reading_->tables) {
                    const bool has =
                        std::any_of(other.known.begin(), other.known.end(),
                                    [&](const Reading::Known& k) { return k.key == name; });
                    if (has && &other != &table && !other.path.empty()) {
                        message += "; it belongs to [" + other.header + "]";
                        break;
                    }
                }
            }
            reading_->add(Problem::Severity::Error, reading_->place_of(key.source()),
                          std::move(message));
        }
    }
    std::stable_sort(reading_->problems.begin(), reading_->problems.end(),
                     [](const Problem& a, const Problem& b) {
                         // The file's problems come in the file's order; those of flags keep
                         // theirs, behind.
                         const bool a_flag = a.source.starts_with("--set "),
                                    b_flag = b.source.starts_with("--set ");
                         if (a_flag != b_flag) return b_flag;
                         return !a_flag && a.line != b.line ? a.line < b.line : false;
                     });
}

void Document::problem(const Place& place, std::string message) {
    reading_->add(Problem::Severity::Error, place, std::move(message));
}
void Document::warning(const Place& place, std::string message) {
    reading_->add(Problem::Severity::Warning, place, std::move(message));
}

std::string Document::describe(const Place& place) const {
    const std::string& name =
        reading_->sources[std::min<std::size_t>(place.source, reading_->sources.size() - 1)].name;
    if (place.line == 0 || name.starts_with("--set ")) return name;
    return name + ":" + std::to_string(place.line);
}

const std::vector<Problem>& Document::problems() const noexcept {
    return reading_->problems;
}
bool Document::ok() const noexcept {
    return reading_->errors == 0;
}

std::string Document::report() const {
    std::string text;
    for (const Problem& problem : reading_->problems) text += problem.to_string();
    if (reading_->problems_left_out > 0)
        text += "and " + std::to_string(reading_->problems_left_out) + " more problems\n";
    return text;
}

std::vector<std::filesystem::path> Document::secret_files() const {
    return reading_->secret_files;
}

}  // namespace turnpike::config
