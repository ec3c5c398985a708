#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace turnpike::config {

/// Where in the configuration something stands: a file, or a --set flag.
///
/// Units  line and column count from 1, columns in characters; line 0: the source as a whole
struct Place {
    std::uint32_t source = 0;  // index of the Document's sources
    std::uint32_t line = 0, column = 0;
    std::uint32_t width = 1;  // characters to underline
};

/// One thing that is wrong (or doubtful), ready to be shown.
struct Problem {
    enum class Severity : std::uint8_t { Error, Warning };

    Severity severity = Severity::Error;
    std::string source;  // "relay.toml", "--set relay.min_port"
    std::uint32_t line = 0, column = 0;
    std::string message;
    std::string excerpt;  // the source line and a caret below it; empty when there is none

    /// "relay.toml:3:14: message", then the excerpt.
    std::string to_string() const;
};

}  // namespace turnpike::config
