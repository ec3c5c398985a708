#include "turn/server/options.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace turnpike::relay {

std::variant<Options, int> Options::parse(int argc, const char* const* argv) {
    Options options;
    CLI::App app{"TURN/STUN relay server"};
    app.name("turnpike-relay");
    app.set_version_flag("--version", std::string{"turnpike-relay "} + TURNPIKE_VERSION);
    CLI::Option* config = app.add_option("--config", options.config,
                                         "Configuration file (default: /etc/turnpike/relay.toml)");
    config->type_name("FILE");
    app.add_option("--coturn-conf", options.coturn_conf,
                   "Run from coturn's turnserver.conf; what became of each line is reported")
        ->type_name("FILE")
        ->excludes(config);
    app.add_option("--set", options.set,
                   "Set a key over the file, e.g. relay.min_port=50000; repeatable")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_flag("--check", options.check, "Validate the configuration, print a summary and exit");
    app.add_flag("--print-config", options.print_config,
                 "Print the configuration in effect as TOML and exit; secrets are left out");
    app.add_flag(
        "--dev", options.dev,
        "For trying out on this machine: loopback listeners, lab rules, throw-away credentials");
    app.add_flag("--lab", options.lab,
                 "Allow peers.mode = \"lab\" on listeners that are not loopback");
    app.footer(
        "Exit codes: 0 stopped as told, 1 could not start, 2 usage, 78 the configuration is "
        "wrong.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // CLI11 has codes of its own; ours are 0 for help and version, 2 for anything wrong.
        return app.exit(error) == 0 ? 0 : kExitUsage;
    }
    return options;
}

}  // namespace turnpike::relay
