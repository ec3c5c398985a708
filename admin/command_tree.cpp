#include "admin/command_tree.hpp"

#include <CLI/CLI.hpp>

namespace turnpike::admin {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
    return app.get_options([&](const CLI::Option* each) {
        return each->nonpositional() && !each->get_group().empty() &&
               (app.get_parent() == nullptr || each != app.get_help_ptr());
    });
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& app) {
    return app.get_options([](const CLI::Option* each) { return each->get_positional(); });
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_min() > 0;
}

std::string name_of(const CLI::Option& option) {
    return option.get_lnames().empty() ? "-" + option.get_snames().front()
                                       : "--" + option.get_lnames().front();
}

std::string path_of(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name()
                                       : path_of(*app.get_parent()) + " " + app.get_name();
}

const CLI::App* command_of(const CLI::App& app, const std::string& word) {
    for (const CLI::App* each : commands_of(app)) {
        if (each->check_name(word)) return each;
    }
    return nullptr;
}

const CLI::Option* option_of(const CLI::App& app, const std::string& word) {
    for (const CLI::App* here = &app; here != nullptr; here = here->get_parent()) {
        for (const CLI::Option* each : here->get_options()) {
            if (each->nonpositional() && each->check_name(word)) return each;
        }
    }
    return nullptr;
}

}  // namespace turnpike::admin
