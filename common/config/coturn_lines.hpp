#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/coturn_options.hpp"
#include "common/config/place.hpp"

namespace turnpike::config::coturn {

/// One line of turnserver.conf that says something.
struct Line {
    std::string name;  // as written, "--listening-port"
    Place name_at;
    std::string value;  // without quotes, and without the comment behind it
    Place value_at;     // of the name where there is no value
    const Option* option = nullptr;
    std::string wrong;          // why it cannot be read
    bool comment_kept = false;  // a secret with " #" in it, which is part of it
};

struct Lines {
    std::vector<Line> lines;
    std::string shown;  // the text with stars over secrets, and over values of unknown options
    std::string wrong;  // why the file as a whole is no text
};

/// Takes a text apart as coturn does: a name, then blanks, '=' or both, then a value that may be in
/// quotes; '#' begins a comment. Beyond coturn: names may have dashes in front, and a comment may
/// follow a value. Not a secret, of which coturn takes the whole line.
Lines take_apart(std::string_view text);

}  // namespace turnpike::config::coturn
