#include "turn/server/load.hpp"

namespace turnpike::relay {
namespace {

constexpr const char* kDefaultFile = "/etc/turnpike/relay.toml";

}  // namespace

Loaded load(const Options& options, WallTime now) {
    Loaded loaded{config::Document{{.dev = options.dev}}, {}};
    std::filesystem::path file = options.config;
    std::error_code ignored;
    if (file.empty() && !options.dev &&
        (options.set.empty() || std::filesystem::exists(kDefaultFile, ignored)))
        file = kDefaultFile;
    if (!file.empty()) {
        loaded.document.load(file);
        if (options.config.empty() && !loaded.document.ok())
            loaded.document.problem({},
                                    "give --config FILE, or --dev to try it out on this machine");
        // What is missing in a file that cannot be read is no news.
        if (!loaded.document.ok()) return loaded;
    }
    for (const std::string& assignment : options.set) loaded.document.set(assignment);
    loaded.config = read_config(loaded.document, Machine::look(),
                                {.dev = options.dev, .lab = options.lab, .now = now});
    return loaded;
}

}  // namespace turnpike::relay
