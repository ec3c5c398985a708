#pragma once

// The inside of Document and Table; for this room's .cpp files only, since toml++ stays in them.

#include <toml++/toml.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/config/document.hpp"

namespace turnpike::config {

struct Reading {
    struct Source {
        std::string name;  // as problems show it
        std::string text;
        std::filesystem::path directory;  // what relative file names are relative to
        std::vector<Place>
            origins;  // of a translation: by line of the TOML; `text` is the original
    };
    /// A key that somebody asked for, and what came of it.
    struct Known {
        std::string key;
        std::string literal;  // TOML text of the value in effect; empty: not listed
        Place place;
        bool given = false;
        std::vector<std::size_t> tables;  // when it is a table or a list of tables
        bool list = false;
    };
    struct OpenTable {
        const toml::table* node = nullptr;  // nullptr: absent
        std::string path;                   // "relay", "listen[0]"; empty for the root
        std::string header;                 // "relay", "listen": what [ ] holds
        Place place;
        std::vector<Known> known;
    };

    Document::Options options;
    std::vector<Source> sources{{"configuration", "", {}, {}}};
    toml::table root;
    std::vector<OpenTable> tables;
    std::vector<Problem> problems;
    std::size_t errors = 0, problems_left_out = 0;
    std::vector<std::filesystem::path> secret_files;
    bool unreadable =
        false;  // the file did not parse: what depends on keys being there is not reported

    Known& know(std::size_t table, std::string_view key);
    void add(Problem::Severity severity, const Place& place, std::string message);
    Place place_of(const toml::source_region& region) const;
    std::string excerpt(const Place& place) const;
};

/// "relay.min_port"
std::string qualified(const Reading::OpenTable& table, std::string_view key);
/// `text` as a TOML basic string.
std::string toml_string(std::string_view text);
/// `name` as a key, in quotes where it needs them.
std::string toml_key(std::string_view name);
/// "a string", "an integer"
std::string_view kind_of(const toml::node& node);

}  // namespace turnpike::config
