#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/config/document.hpp"

namespace turnpike::signaling {

/// The command line of turnpike-signaling.
struct Options {
    std::filesystem::path config;
    std::vector<std::string> set;
    bool check = false, print_config = false, dev = false, lab = false;

    /// Nothing when the program is to end, with `exit_code` (help, version, a usage error: already printed).
    static std::optional<Options> parse(int argc, const char* const* argv, int& exit_code);

    /// The configuration that the flags name, ready to be read; also for a reload.
    config::Document load() const;
};

inline constexpr int kExitConfig = 78;  // EX_CONFIG

}  // namespace turnpike::signaling
