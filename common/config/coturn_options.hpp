#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace turnpike::config::coturn {

/// What became of a line of turnserver.conf.
enum class Outcome : std::uint8_t {
    Mapped,       // a key of ours does it
    Default,      // ours does so anyway
    Ignored,      // means nothing here
    Unsupported,  // asked for and not done
    Wrong,        // cannot be read; a problem says why
};
std::string_view to_string(Outcome outcome) noexcept;  // "mapped", ...

/// An option of coturn: of 4.6.1 as in Debian 12, and of older and newer ones that files still
/// have.
struct Option {
    enum class Takes : std::uint8_t { Flag, Value, MaybeValue };

    std::string_view name;
    std::string_view also;  // its letter or other name, with dashes as on the command line
    Takes takes;
    Outcome outcome;        // as a rule; what else is said may change it
    std::string_view keys;  // ours, where there are any
    std::string_view note;  // why, or what to do instead
    std::string_view sample = {};
    bool many = false;    // may be repeated; of all others the last one holds
    bool secret = false;  // never shown
    bool stops = false;   // restricts what is let through, and cannot be had: no start
};

std::span<const Option> options() noexcept;
/// By name, with or without dashes in front, by its other name or by its letter.
const Option* find_option(std::string_view name) noexcept;
/// The known name nearest to `name`; empty when none is near.
std::string_view nearest_option(std::string_view name);

/// The table of docs/coming-from-coturn.md.
std::string options_page();

}  // namespace turnpike::config::coturn
