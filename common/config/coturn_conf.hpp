#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/coturn_options.hpp"
#include "common/config/coturn_redis.hpp"
#include "common/config/place.hpp"
#include "common/config/translation.hpp"

namespace turnpike::config::coturn {

/// In place of a secret's text.
constexpr std::string_view kRedacted = "(redacted)";

/// What became of one line of turnserver.conf; or, without a place, of an option that is not there
/// although its absence means something.
struct Entry {
    Place at;            // of the option's name; line 0: it is not in the file
    std::string option;  // coturn's name for it
    std::string given;   // its value; secrets are kRedacted
    Outcome outcome = Outcome::Ignored;
    std::string key, value;  // ours; of Mapped ones, the value as TOML has it
    std::string note;        // why, or what to do
    bool notable = false;    // the relay behaves unlike coturn, or worth knowing at a start
    bool stops = false;      // without it more would be let through than coturn lets: no start

    /// "turnserver.conf:12: min-port=49152: mapped to relay.min_port = 49152; note"
    std::string to_string(std::string_view file) const;
};

/// turnserver.conf as relay.toml. Pure: nothing is opened and no name is looked up.
struct Conf {
    struct Options {
        std::string name;  // for messages
        std::filesystem::path
            directory;     // relative file names become absolute below it; empty: stay
        bool ipv6 = true;  // without listening-ip: listen on [::] too
    };

    std::vector<Entry> entries;  // in the file's order; those without a place last
    std::vector<std::pair<Place, std::string>> problems;  // what cannot be read
    Translation translation;
    std::optional<RedisDatabase> redis_userdb, redis_statsdb;

    static constexpr std::size_t kFileBytesMax = 1 << 20;
    static constexpr std::size_t kLinesMax = 20'000;

    static Conf read(std::string_view text, const Options& options);

    bool all_done() const noexcept;  // no entry is Unsupported or Wrong
};

}  // namespace turnpike::config::coturn
