#include <ostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "admin/nouns.hpp"
#include "admin/output.hpp"

namespace turnpike::admin {

void add_version(CLI::App& app, Session& session) {
    CLI::App* version = app.add_subcommand("version", "of this program");
    version->footer("Examples:\n  turnpike version\n  turnpike version -o json");
    version->callback([&session] {
        const auto format = format_of(session);
        if (!format) return session.fail(format.error());
        if (*format == Format::Table || *format == Format::Name) {
            session.world().out << "turnpike " TURNPIKE_VERSION "\n";
            return;
        }
        const nlohmann::json item{{"version", TURNPIKE_VERSION}, {"api_version", "turnpike/v1"}};
        write_one(session, *format, "Version", item);
    });
}

}  // namespace turnpike::admin
