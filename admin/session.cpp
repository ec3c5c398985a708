#include "admin/session.hpp"

#include <fstream>
#include <istream>
#include <ostream>

#include <fmt/format.h>

#include "admin/units.hpp"

namespace turnpike::admin {

void Session::fail(const Failure& failure) {
    const bool red = world_.err_is_terminal && colors();
    world_.err << (red ? "\x1b[31m" : "") << "turnpike: " << printable(failure.message) << (red ? "\x1b[0m" : "") << '\n';
    if (!failure.fix.empty()) world_.err << "  fix: " << printable(failure.fix) << '\n';
    finish(failure.code);
}

void Session::warn(const std::string& text) { world_.err << "turnpike: " << printable(text) << '\n'; }

std::expected<void, Failure> Session::confirm(const std::string& what) {
    if (globals.yes || globals.dry_run) return {};
    if (!world_.in_is_terminal || !world_.err_is_terminal) {
        return std::unexpected(Failure{ExitCode::Precondition, fmt::format("{} needs a yes, and there is no terminal to ask on", what),
                                       "add --yes, or --dry-run to see what would happen"});
    }
    world_.err << printable(what) << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(world_.in, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return {};
    return std::unexpected(Failure{ExitCode::Precondition, "nothing was changed", {}});
}

bool Session::write_file(const std::filesystem::path& file, const std::string& text) {
    if (!globals.dry_run) {
        std::ofstream out{file};
        out << text;
        if (!out.flush()) {
            fail({ExitCode::Failed, fmt::format("cannot write {}", file.string()), "give a folder that is there and is yours"});
            return false;
        }
    }
    world_.out << file.string() << '\n';
    return true;
}

bool Session::colors() const {
    if (globals.no_color) return false;
    const auto no_color = world_.variable("NO_COLOR"), term = world_.variable("TERM");
    return (!no_color || no_color->empty()) && term.value_or("dumb") != "dumb";
}

Milliseconds Session::timeout() const { return parse_duration(globals.timeout).value_or(10s); }

}  // namespace turnpike::admin
