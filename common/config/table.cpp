#include "common/config/table.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "common/config/reading.hpp"
#include "common/config/units.hpp"

namespace turnpike::config {
namespace {

std::string literal(double value) {
    std::string text = std::to_string(value);
    while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
    return text;
}

template <typename T>
std::string list_literal(const std::vector<T>& values,
                         const std::function<std::string(const T&)>& show) {
    std::string text = "[";
    for (const T& value : values) text += (text.size() > 1 ? ", " : "") + toml_string(show(value));
    return text + "]";
}

/// One getter's work: finds the node, notes the key, and reports under the key's name.
class Ask {
public:
    Ask(Reading& reading, std::size_t table, std::string_view key)
        : reading_(reading), table_(table), key_(key) {
        const toml::table* node = reading.tables[table].node;
        node_ = node ? node->get(key) : nullptr;
        reading.know(table, key);
    }
    const toml::node* node() const { return node_; }

    bool refuse(std::string message) { return refuse(*node_, std::move(message)); }
    bool refuse(const toml::node& at, std::string message) {
        reading_.add(Problem::Severity::Error, reading_.place_of(at.source()),
                     qualified(reading_.tables[table_], key_) + " " + std::move(message));
        return false;
    }
    bool expected(std::string_view what) { return expected(*node_, what); }
    bool expected(const toml::node& at, std::string_view what) {
        reading_.add(Problem::Severity::Error, reading_.place_of(at.source()),
                     qualified(reading_.tables[table_], key_) + ": expected " + std::string{what} +
                         ", found " + std::string{kind_of(at)});
        return false;
    }
    /// The last word of every getter: what is in effect now.
    bool settle(bool given, std::string text) {
        Reading::Known& known = reading_.know(table_, key_);
        known.literal = std::move(text);
        known.given = given;
        if (given) known.place = reading_.place_of(node_->source());
        return given;
    }

private:
    Reading& reading_;
    std::size_t table_;
    std::string_view key_;
    const toml::node* node_ = nullptr;
};

/// A string, or a list of strings, each parsed; the value changes only when all are good.
template <typename T, typename Parse>
bool read_list(Ask& ask, std::string_view what, std::vector<T>& value, Parse parse) {
    if (!ask.node()) return false;
    std::vector<T> read;
    bool good = true;
    const auto one = [&](const toml::node& node) {
        const auto text = node.value_exact<std::string_view>();
        if (!text) {
            good = ask.expected(node, what);
            return;
        }
        auto parsed = parse(*text);
        if (parsed) {
            read.push_back(std::move(*parsed));
        } else {
            good = ask.refuse(node, parsed.error());
        }
    };
    if (const toml::array* list = ask.node()->as_array()) {
        for (const toml::node& node : *list) one(node);
    } else {
        one(*ask.node());
    }
    if (good) value = std::move(read);
    return good;
}

template <typename T, typename Parse>
bool read_text(Ask& ask, std::string_view what, T& value, Parse parse) {
    if (!ask.node()) return false;
    const auto text = ask.node()->value_exact<std::string_view>();
    if (!text) return ask.expected(what);
    auto parsed = parse(*text);
    if (!parsed) return ask.refuse(parsed.error());
    value = *parsed;
    return true;
}

}  // namespace

bool Table::flag(std::string_view key, bool& value) {
    Ask ask{*reading_, index_, key};
    bool given = false;
    if (ask.node()) {
        if (const auto read = ask.node()->value_exact<bool>()) {
            value = *read;
            given = true;
        } else {
            ask.expected("true or false");
        }
    }
    return ask.settle(given, value ? "true" : "false");
}

bool Table::text(std::string_view key, std::string& value) {
    Ask ask{*reading_, index_, key};
    const bool given =
        read_text(ask, "a string", value,
                  [](std::string_view text) -> std::expected<std::string, std::string> {
                      for (const char c : text) {
                          if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
                              return std::unexpected{std::string{"has a control character"}};
                      }
                      return std::string{text};
                  });
    return ask.settle(given, toml_string(value));
}

bool Table::path(std::string_view key, std::filesystem::path& value) {
    std::string name = value.string();
    if (!text(key, name)) return false;
    value = name;
    const Reading::Source& source = reading_->sources[place(key).source];
    if (!name.empty() && value.is_relative() && !source.directory.empty())
        value = source.directory / value;
    return true;
}

bool Table::texts(std::string_view key, std::vector<std::string>& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_list(ask, "a string", value, [](std::string_view text) {
        return std::expected<std::string, std::string>{std::string{text}};
    });
    return ask.settle(given,
                      list_literal<std::string>(value, [](const std::string& s) { return s; }));
}

bool Table::labels(std::string_view key, std::map<std::string, std::string>& value) {
    Ask ask{*reading_, index_, key};
    bool given = false;
    if (ask.node()) {
        if (const toml::table* table = ask.node()->as_table()) {
            std::map<std::string, std::string> read;
            given = true;
            for (auto&& [name, node] : *table) {
                if (const auto text = node.value_exact<std::string_view>()) {
                    read.emplace(std::string{name.str()}, std::string{*text});
                } else {
                    given = ask.expected(node, "a string");
                }
            }
            if (given) value = std::move(read);
        } else {
            ask.expected("a table of strings");
        }
    }
    std::string text = "{";
    for (const auto& [name, label] : value)
        text += (text.size() > 1 ? ", " : " ") + toml_string(name) + " = " + toml_string(label);
    return ask.settle(given, text + (value.empty() ? "}" : " }"));
}

bool Table::integer(std::string_view key, std::int64_t& value, std::int64_t least,
                    std::int64_t most) {
    Ask ask{*reading_, index_, key};
    bool given = false;
    if (ask.node()) {
        if (const auto read = ask.node()->value_exact<std::int64_t>()) {
            if (*read < least || *read > most) {
                ask.refuse("is " + std::to_string(*read) + "; it must be between " +
                           std::to_string(least) + " and " + std::to_string(most));
            } else {
                value = *read;
                given = true;
            }
        } else {
            ask.expected("an integer");
        }
    }
    return ask.settle(given, std::to_string(value));
}

bool Table::number(std::string_view key, double& value, double least, double most) {
    Ask ask{*reading_, index_, key};
    bool given = false;
    if (ask.node()) {
        std::optional<double> read = ask.node()->value_exact<double>();
        if (const auto whole = ask.node()->value_exact<std::int64_t>())
            read = static_cast<double>(*whole);
        if (!read) {
            ask.expected("a number");
        } else if (!std::isfinite(*read) || *read < least || *read > most) {
            ask.refuse("must be between " + literal(least) + " and " + literal(most));
        } else {
            value = *read;
            given = true;
        }
    }
    return ask.settle(given, literal(value));
}

bool Table::duration(std::string_view key, Milliseconds& value, Milliseconds least,
                     Milliseconds most) {
    Ask ask{*reading_, index_, key};
    std::optional<Milliseconds> read;
    if (ask.node()) {
        if (const auto seconds = ask.node()->value_exact<std::int64_t>()) {
            // Compared in seconds: a product might not fit.
            if (*seconds >= 0 && *seconds <= std::chrono::ceil<Seconds>(most).count()) {
                read = Seconds{*seconds};
            } else {
                ask.refuse("is " + std::to_string(*seconds) + " s; it must be between " +
                           to_text(least) + " and " + to_text(most));
            }
        } else if (const auto text = ask.node()->value_exact<std::string_view>()) {
            if (const auto parsed = parse_duration(*text)) {
                read = *parsed;
            } else {
                ask.refuse(parsed.error());
            }
        } else {
            ask.expected("a duration (\"20s\", \"10m\") or an integer of seconds");
        }
        if (read && (*read < least || *read > most)) {
            ask.refuse("is " + to_text(*read) + "; it must be between " + to_text(least) + " and " +
                       to_text(most));
            read.reset();
        }
    }
    if (read) value = *read;
    return ask.settle(read.has_value(), toml_string(to_text(value)));
}

bool Table::duration(std::string_view key, Seconds& value, Seconds least, Seconds most) {
    Milliseconds read = value;
    bool given = duration(key, read, Milliseconds{least}, Milliseconds{most});
    if (given && read % 1s != 0ms) {
        problem(key, "is " + to_text(read) + "; whole seconds are wanted");
        given = false;
    }
    if (given) value = std::chrono::duration_cast<Seconds>(read);
    return given;
}

bool Table::bytes(std::string_view key, std::size_t& value, std::size_t least, std::size_t most) {
    Ask ask{*reading_, index_, key};
    std::optional<std::uint64_t> read;
    if (ask.node()) {
        if (const auto number = ask.node()->value_exact<std::int64_t>(); number && *number >= 0) {
            read = static_cast<std::uint64_t>(*number);
        } else if (const auto text = ask.node()->value_exact<std::string_view>()) {
            if (const auto parsed = parse_bytes(*text)) {
                read = *parsed;
            } else {
                ask.refuse(parsed.error());
            }
        } else {
            ask.expected("a size (\"64KiB\") or an integer of bytes");
        }
        if (read && (*read < least || *read > most)) {
            ask.refuse("is " + std::to_string(*read) + " bytes; it must be between " +
                       std::to_string(least) + " and " + std::to_string(most));
            read.reset();
        }
    }
    if (read) value = static_cast<std::size_t>(*read);
    return ask.settle(read.has_value(), std::to_string(value));
}

bool Table::endpoint(std::string_view key, Endpoint& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_text(ask, "an address and port as a string", value, parse_endpoint);
    return ask.settle(given, toml_string(value.to_string()));
}

bool Table::address(std::string_view key, IpAddress& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_text(ask, "an IP address as a string", value, parse_address);
    return ask.settle(given, toml_string(value.to_string()));
}

bool Table::addresses(std::string_view key, std::vector<IpAddress>& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_list(ask, "an IP address as a string", value, parse_address);
    return ask.settle(
        given, list_literal<IpAddress>(value, [](const IpAddress& a) { return a.to_string(); }));
}

bool Table::cidrs(std::string_view key, std::vector<Cidr>& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_list(ask, "a block of addresses as a string", value, parse_cidr);
    return ask.settle(given,
                      list_literal<Cidr>(value, [](const Cidr& c) { return c.to_string(); }));
}

bool Table::ports(std::string_view key, std::vector<std::uint16_t>& value) {
    Ask ask{*reading_, index_, key};
    bool given = false;
    if (ask.node()) {
        if (const toml::array* list = ask.node()->as_array()) {
            std::vector<std::uint16_t> read;
            given = true;
            for (const toml::node& node : *list) {
                const auto port = node.value_exact<std::int64_t>();
                if (!port) {
                    given = ask.expected(node, "a port number");
                } else if (*port < 1 || *port > 65535) {
                    given = ask.refuse(node, "has " + std::to_string(*port) +
                                                 "; a port is between 1 and 65535");
                } else {
                    read.push_back(static_cast<std::uint16_t>(*port));
                }
            }
            if (given) value = std::move(read);
        } else {
            ask.expected("a list of port numbers");
        }
    }
    std::string text = "[";
    for (const std::uint16_t port : value)
        text += (text.size() > 1 ? ", " : "") + std::to_string(port);
    return ask.settle(given, text + "]");
}

bool Table::cidrs(std::string_view key, std::vector<CidrPorts>& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_list(ask, "a block of addresses as a string", value, parse_cidr_ports);
    return ask.settle(
        given, list_literal<CidrPorts>(value, [](const CidrPorts& c) { return c.to_string(); }));
}

bool Table::port_ranges(std::string_view key, std::vector<PortRange>& value) {
    Ask ask{*reading_, index_, key};
    const bool given = read_list(ask, "ports as a string", value, parse_port_range);
    return ask.settle(
        given, list_literal<PortRange>(value, [](const PortRange& r) { return r.to_string(); }));
}

bool Table::one_of(std::string_view key, std::size_t& value,
                   const std::vector<std::string_view>& names) {
    Ask ask{*reading_, index_, key};
    const bool given =
        read_text(ask, "a string", value,
                  [&](std::string_view text) -> std::expected<std::size_t, std::string> {
                      const auto at = std::find(names.begin(), names.end(), text);
                      if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
                      std::string message = "must be one of";
                      for (const std::string_view name : names)
                          message += (name == names.front() ? " " : ", ") + toml_string(name);
                      if (const std::string_view near = nearest(text, names); !near.empty())
                          message += "; did you mean " + toml_string(near) + "?";
                      return std::unexpected{message};
                  });
    return ask.settle(given, toml_string(names[value]));
}

Table Table::table(std::string_view key) {
    Ask ask{*reading_, index_, key};
    if (const Reading::Known& known = reading_->know(index_, key); !known.tables.empty())
        return Table{reading_, known.tables.front()};

    Reading::OpenTable open;
    open.path = qualified(reading_->tables[index_], key);
    const std::string& above = reading_->tables[index_].header;
    open.header = above.empty() ? toml_key(key) : above + "." + toml_key(key);
    open.place = reading_->tables[index_].place;
    if (ask.node()) {
        open.node = ask.node()->as_table();
        open.place = reading_->place_of(ask.node()->source());
        if (!open.node) ask.expected("a table");
    }
    reading_->tables.push_back(std::move(open));
    const std::size_t index = reading_->tables.size() - 1;
    reading_->know(index_, key).tables.push_back(index);
    return Table{reading_, index};
}

std::vector<Table> Table::tables(std::string_view key) {
    Ask ask{*reading_, index_, key};
    reading_->know(index_, key).list = true;
    std::vector<Table> out;
    if (!ask.node()) return out;
    const toml::array* list = ask.node()->as_array();
    if (!list) {
        ask.expected(ask.node()->is_table() ? "a list of tables, [[" + std::string{key} + "]]"
                                            : std::string{"a list of tables"});
        return out;
    }
    std::size_t number = 0;
    for (const toml::node& node : *list) {
        Reading::OpenTable open;
        open.node = node.as_table();
        open.path = qualified(reading_->tables[index_], key) + "[" + std::to_string(number++) + "]";
        const std::string& above = reading_->tables[index_].header;
        open.header = above.empty() ? std::string{key} : above + "." + std::string{key};
        open.place = reading_->place_of(node.source());
        if (!open.node) {
            ask.expected(node, "a table");
            continue;
        }
        reading_->tables.push_back(std::move(open));
        reading_->know(index_, key).tables.push_back(reading_->tables.size() - 1);
        out.push_back(Table{reading_, reading_->tables.size() - 1});
    }
    return out;
}

std::vector<std::string> Table::keys() const {
    std::vector<std::string> keys;
    if (const toml::table* node = reading_->tables[index_].node) {
        for (auto&& [name, value] : *node) keys.emplace_back(name.str());
    }
    return keys;
}

bool Table::has(std::string_view key) const {
    const toml::table* node = reading_->tables[index_].node;
    return node && node->contains(key);
}

Place Table::place(std::string_view key) const {
    const toml::table* table = reading_->tables[index_].node;
    const toml::node* node = table ? table->get(key) : nullptr;
    return node ? reading_->place_of(node->source()) : place();
}

Place Table::place() const {
    return reading_->tables[index_].place;
}

void Table::problem(std::string_view key, std::string message) {
    report(Problem::Severity::Error, key, message);
}
void Table::warning(std::string_view key, std::string message) {
    report(Problem::Severity::Warning, key, message);
}

void Table::report(Problem::Severity severity, std::string_view key, const std::string& message) {
    const std::string name = qualified(reading_->tables[index_], key);
    reading_->add(severity, place(key), name + (message.starts_with(':') ? "" : " ") + message);
}
bool Table::dev() const noexcept {
    return reading_->options.dev;
}

}  // namespace turnpike::config
