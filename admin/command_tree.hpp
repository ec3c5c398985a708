#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace turnpike::admin {

/// What completion and the manual pages read from the tree of commands.
/// Lifetime   borrows the tree
std::vector<const CLI::App*> commands_of(const CLI::App& app);
/// With their dashes; without --help where `app` is not the program itself.
std::vector<const CLI::Option*> options_of(const CLI::App& app);
std::vector<const CLI::Option*> arguments_of(const CLI::App& app);
bool takes_value(const CLI::Option& option);
/// "--output", or "-x" where it has no long name.
std::string name_of(const CLI::Option& option);
/// "turnpike nodes list"
std::string path_of(const CLI::App& app);
/// The command or option with that word; null when there is none.
const CLI::App* command_of(const CLI::App& app, const std::string& word);
/// Of `app` or, since options fall through, of a command above it.
const CLI::Option* option_of(const CLI::App& app, const std::string& word);

}  // namespace turnpike::admin
