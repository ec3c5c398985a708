#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/config/place.hpp"

namespace turnpike::config {

/// TOML that was made from a file of another form. A Document reads it as any other, and its
/// problems name the place in the original.
struct Translation {
    std::string name;                 // of the original, "turnserver.conf"
    std::filesystem::path directory;  // what relative file names are relative to
    std::string shown;                // the original, secrets starred: what excerpts show
    std::string toml;
    std::vector<Place> origins;  // of each line of `toml`; line 0: of no certain one
};

}  // namespace turnpike::config
