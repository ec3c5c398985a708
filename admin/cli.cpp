#include "admin/cli.hpp"

#include <algorithm>
#include <ostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "admin/completion.hpp"
#include "admin/nouns.hpp"
#include "admin/units.hpp"
#include "common/config/document.hpp"

namespace turnpike::admin {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  turnpike status                              one screen: relays, signaling, rooms, what to do next\n"
    "  turnpike allocations list --subject alice    who relays what\n"
    "  turnpike participants kick ID                remove someone, with their relaying\n"
    "  turnpike credentials mint --user alice -o uclient\n"
    "  turnpike nodes list -o json | jq '.items[].load'\n\n"
    "Output: a table on a terminal, TSV in a pipe; -o json has an envelope with apiVersion, kind and items.\n"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 permission, 5 precondition or not confirmed,\n"
    "6 unreachable, 7 deadline, 8 partial.";

void add_globals(CLI::App& app, Globals& globals) {
    const char* group = "Everywhere";
    app.add_option("--runtime-dir", globals.runtime_dir, "folder with the daemons' runtime directories")
        ->type_name("DIR")->group(group)->take_last();
    app.add_option("--socket", globals.sockets, "admin socket of a daemon; may be repeated")
        ->type_name("FILE")->group(group)->allow_extra_args(false);
    app.add_option("-o,--output", globals.output, "table, json, jsonl, tsv, csv or name")
        ->type_name("FORMAT")->group(group)->take_last();
    app.add_flag("--no-headers", globals.no_headers, "tables and TSV without their first line")->group(group);
    app.add_flag("--no-color", globals.no_color, "no colours (NO_COLOR does the same)")->group(group);
    app.add_option("--timeout", globals.timeout, "for each answer of a daemon")->type_name("TIME")->group(group)->take_last()
        ->capture_default_str()
        ->check([](const std::string& text) {
            return parse_duration(text) ? std::string{} : fmt::format("'{}' is no time; as in 10s or 2m", text);
        });
    app.add_flag("-y,--yes", globals.yes, "do not ask before what cannot be undone")->group(group);
    app.add_flag("--dry-run", globals.dry_run, "say what would be done, and do nothing")->group(group);
}

// The first word that is no subcommand where one has to be, and what it was meant to be.
std::optional<Failure> unknown_word(CLI::App& app, const std::vector<std::string>& arguments) {
    CLI::App* here = &app;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& word = arguments[i];
        if (word.starts_with('-')) {
            const CLI::Option* option = word.find('=') == std::string::npos ? app.get_option_no_throw(word) : nullptr;
            if (option != nullptr && option->get_items_expected_min() > 0) ++i;
            continue;
        }
        const auto subcommands = here->get_subcommands([](CLI::App*) { return true; });
        if (subcommands.empty()) return {};
        const auto found = std::ranges::find_if(subcommands, [&](CLI::App* each) { return each->check_name(word); });
        if (found != subcommands.end()) {
            here = *found;
            continue;
        }
        std::vector<std::string_view> known;
        for (CLI::App* each : subcommands) known.push_back(each->get_name());
        const std::string_view meant = config::nearest(word, known);
        const std::string path = here == &app ? "turnpike" : "turnpike " + here->get_name();
        std::string all;
        for (const std::string_view each : known) all += fmt::format("{}{}", all.empty() ? "" : ", ", each);
        return Failure{ExitCode::Usage, fmt::format("{} has no '{}'", path, word),
                       meant.empty() ? fmt::format("one of {}", all) : fmt::format("did you mean '{} {}'?", path, meant)};
    }
    return {};
}

}  // namespace

int run(const std::vector<std::string>& arguments, World& world) {
    Session session{world};
    CLI::App app{"Administers Turnpike's relays and signaling over their admin sockets.", "turnpike"};
    app.require_subcommand(1);
    app.fallthrough();
    app.footer(kFooter);
    app.set_version_flag("--version", "turnpike " TURNPIKE_VERSION);
    add_globals(app, session.globals);
    add_status(app, session);
    add_nodes(app, session);
    add_allocations(app, session);
    add_rooms(app, session);
    add_participants(app, session);
    add_credentials(app, session);
    add_cluster(app, session);
    add_config(app, session);
    add_completion(app, session);
    add_man(app, session);
    add_schema(app, session);
    add_version(app, session);

    if (!arguments.empty() && arguments.front() == "__complete") {
        complete(app, session, {arguments.begin() + 1, arguments.end()});
        return static_cast<int>(ExitCode::Ok);
    }
    if (const auto unknown = unknown_word(app, arguments)) {
        session.fail(*unknown);
        return static_cast<int>(session.exit_code());
    }
    try {
        // CLI11 takes the arguments from the back.
        app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
    } catch (const CLI::ParseError& error) {
        std::ostringstream out, err;
        const bool good = app.exit(error, out, err) == 0;
        world.out << out.str();
        // It repeats the arguments, which may hold what steers a terminal.
        std::istringstream said{err.str()};
        for (std::string line; std::getline(said, line);) world.err << printable(line) << '\n';
        return static_cast<int>(good ? ExitCode::Ok : ExitCode::Usage);
    }
    return static_cast<int>(session.exit_code());
}

}  // namespace turnpike::admin
