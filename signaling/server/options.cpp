#include "signaling/server/options.hpp"

#include <CLI/CLI.hpp>

namespace turnpike::signaling {
namespace {

constexpr const char* kDefaultConfig = "/etc/turnpike/signaling.toml";

}  // namespace

std::optional<Options> Options::parse(int argc, const char* const* argv, int& exit_code) {
    Options options;
    std::string file;
    CLI::App app{"turnpike-signaling: rooms, WebSocket signaling and TURN credentials for peer-to-peer calls", "turnpike-signaling"};
    app.add_option("--config", file, std::string{"TOML file; default "} + kDefaultConfig + ", none with --dev")->option_text("FILE");
    app.add_option("--set", options.set, "override a key, e.g. --set listen.address=0.0.0.0:8080; repeatable")
        ->option_text("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_flag("--check", options.check, "check the configuration and exit: 0 good, 78 not");
    app.add_flag("--print-config", options.print_config, "print the effective configuration, secrets redacted, and exit");
    app.add_flag("--dev", options.dev, "a developer's machine: no secret needed, literal secrets pass");
    app.add_flag("--lab", options.lab, "accepted for symmetry with turnpike-relay; changes nothing here");
    app.set_version_flag("--version", std::string{"turnpike-signaling "} + TURNPIKE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        exit_code = app.exit(error) == 0 ? 0 : 2;
        return {};
    }
    options.config = file.empty() && !options.dev ? std::string{kDefaultConfig} : file;
    return options;
}

config::Document Options::load() const {
    config::Document document{{.dev = dev}};
    if (!config.empty()) document.load(config);
    for (const std::string& assignment : set) document.set(assignment);
    return document;
}

}  // namespace turnpike::signaling
