#pragma once

// The inside of coturn::Conf::read(); for this room's coturn_*.cpp only.

#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.hpp"
#include "common/config/address_ranges.hpp"
#include "common/config/coturn_conf.hpp"
#include "common/config/coturn_lines.hpp"

namespace turnpike::config::coturn {

/// Lines of TOML, each with the place that it comes from.
class TomlText {
public:
    /// Begins "[relay]" or "[[listen]]"; written when a line follows.
    void table(std::string_view header) { header_ = header; }
    /// `said`: with a comment that names the line.
    void add(std::string_view line, const Place& origin = {}, bool said = true);
    /// key = [ one element a line ]
    void list(std::string_view key, const std::vector<std::pair<std::string, Place>>& elements);

    std::string text;
    std::vector<Place> origins;

private:
    void raw(const std::string& line, const Place& origin, bool said);
    std::string header_;
};

/// A line that is in effect: its option is known and no later line says otherwise.
struct Setting {
    const Option* option;
    Line line;
    std::size_t entry;
    bool on = true;  // of flags
};

/// For messages; what is very long is cut.
std::string in_quotes(std::string_view text);

class Translator {
public:
    Translator(std::string_view text, const Conf::Options& options);
    Conf run();

private:
    // coturn_translator.cpp
    void collect(Line line);
    const Setting* last(std::string_view name) const;
    std::vector<const Setting*> all(std::string_view name) const;
    bool on(std::string_view name) const;
    void mapped(const Setting& setting, std::string_view key, std::string value,
                std::string_view note = {});
    void becomes(const Setting& setting, Outcome outcome, std::string_view note);
    /// An option that is not there.
    Entry& absent(std::string_view option, Outcome outcome, std::string_view note);
    void wrong(const Setting& setting, const std::string& why);
    std::optional<std::uint64_t> number(const Setting& setting, std::uint64_t least,
                                        std::uint64_t most);
    std::optional<std::uint16_t> port(std::string_view option);
    std::optional<IpAddress> address(const Setting& setting, std::string_view text);
    Entry& entry(const Setting& setting) { return out_.entries[setting.entry]; }

    // coturn_listeners.cpp
    void listeners();
    void listener(std::string_view transport, const Endpoint& at, const Place& origin, bool secure);
    void certificates();
    void behaviour_discovery();
    void auxiliary();
    void relay();
    void relay_addresses();
    void external_addresses();
    void families();

    // coturn_policy.cpp
    void auth();
    void users(bool beside_secret);
    void nonces();
    void databases();
    void credentials_are_there();
    void quota();
    void peers();
    void denied(const std::vector<const Setting*>& settings,
                const std::vector<AddressRange>& ranges, const std::vector<AddressRange>& allowed);
    void redirect();
    std::optional<std::vector<std::pair<std::string, Place>>> servers(std::string_view option,
                                                                      std::uint16_t port);
    void node();
    void fixed_lifetimes();
    void what_stops();

    const Conf::Options& options_;
    Conf out_;
    TomlText toml_;
    std::vector<Setting> settings_;

    struct Listening {
        IpAddress address;
        const Setting* setting;  // nullptr: none is given
    };
    std::vector<Listening> listening_;
    std::uint16_t plain_port_ = 3478, tls_port_ = 5349;
    const Setting *certificate_ = nullptr, *key_ = nullptr;
    std::size_t credentials_ = 0, listeners_ = 0;
};

}  // namespace turnpike::config::coturn
