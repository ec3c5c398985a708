#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace turnpike::relay {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfig = 78;  // EX_CONFIG of sysexits.h

/// The command line of turnpike-relay.
struct Options {
    std::filesystem::path
        config;  // empty: /etc/turnpike/relay.toml if it exists and this is no --dev
    std::filesystem::path coturn_conf;  // a turnserver.conf in place of `config`
    std::vector<std::string> set;       // key=value, in order
    bool check = false;                 // read, validate, summarise, exit
    bool print_config = false;          // the configuration in effect as TOML, exit
    bool dev = false;
    bool lab = false;

    /// The options; or an exit code, with help, version or the usage error already printed.
    static std::variant<Options, int> parse(int argc, const char* const* argv);
};

}  // namespace turnpike::relay
