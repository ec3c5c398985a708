#include <fstream>
#include <ostream>
#include <regex>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/subprocess.hpp"
#include "admin/units.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const std::vector<Column> kColumns{
    {"FILE", "/file"}, {"LINE", "/line"}, {"COLUMN", "/column"}, {"SEVERITY", "/severity"}, {"PROBLEM", "/message"}};

// Whose file it is, by what only one of the daemons knows. Empty: cannot tell.
std::string daemon_of(const fs::path& file) {
    static const std::regex relay{R"(^\s*(\[\[\s*listen\s*\]\]|\[\[?\s*(relay|peers|quota|limits)\b))"};
    static const std::regex signaling{R"(^\s*(relays\s*=|\[\s*(listen|web|rooms|credentials)\s*\]))"};
    std::ifstream in{file};
    bool is_relay = false, is_signaling = false;
    for (std::string line; std::getline(in, line);) {
        is_relay = is_relay || std::regex_search(line, relay);
        is_signaling = is_signaling || std::regex_search(line, signaling);
    }
    if (is_relay == is_signaling) {
        const std::string name = file.filename().string();
        is_relay = name.find("relay") != std::string::npos;
        is_signaling = name.find("signaling") != std::string::npos;
    }
    if (is_relay == is_signaling) return {};
    return is_relay ? "relay" : "signaling";
}

// "relay.toml:12:5: message" or "...: warning: message", as the daemons print them; all else belongs to
// the problem before.
std::vector<Json> problems_in(const std::string& output) {
    static const std::regex place{R"(^(.+?):(\d+):(\d+): (warning: |error: )?(.*)$)"};
    std::vector<Json> problems;
    std::istringstream in{output};
    for (std::string line; std::getline(in, line);) {
        std::smatch match;
        if (std::regex_match(line, match, place)) {
            problems.push_back({{"file", match[1].str()},
                                {"line", std::stol(match[2].str())},
                                {"column", std::stol(match[3].str())},
                                {"severity", match[4].str() == "warning: " ? "warning" : "error"},
                                {"message", match[5].str()}});
        } else if (!problems.empty() && line.find_first_not_of(" ") != std::string::npos) {
            auto& detail = problems.back()["detail"];
            detail = detail.is_string() ? detail.get<std::string>() + "\n" + line : line;
        }
    }
    return problems;
}

void validate(Session& session, const std::string& file, std::string daemon) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    std::error_code error;
    if (!fs::exists(file, error)) return session.fail({ExitCode::NotFound, fmt::format("there is no file {}", file), {}});
    if (daemon.empty()) daemon = daemon_of(file);
    if (daemon.empty()) {
        return session.fail({ExitCode::Usage, fmt::format("{} could be either daemon's", file), "say which: --for relay or --for signaling"});
    }
    const std::string program = "turnpike-" + daemon;
    const fs::path neighbour = session.world().program_folder / program;
    const auto result = run_program({fs::exists(neighbour, error) ? neighbour.string() : program, "--config", file, "--check"});
    if (!result) return session.fail({ExitCode::Failed, result.error(), fmt::format("install {} beside turnpike, or put it into PATH", program)});

    const bool good = result->status == 0;
    if (*format == Format::Table) {
        // The daemon's own words have the line and a mark below the place.
        std::istringstream lines{result->output};
        for (std::string line; std::getline(lines, line);) session.world().out << printable(line) << '\n';
        if (good) session.world().out << fmt::format("{}: good for {}\n", printable(file), program);
    } else {
        const auto problems = problems_in(result->output);
        if (!good && problems.empty()) session.warn(result->output);
        write(session, *format, {"ConfigProblemList", kColumns, problems, ""});
    }
    if (!good) session.finish(ExitCode::Failed);
}

}  // namespace

void add_config(CLI::App& app, Session& session) {
    CLI::App* config = app.add_subcommand("config", "the daemons' configuration files")->require_subcommand(1);
    CLI::App* check = config->add_subcommand("validate", "every problem of a file, with its line; exit 1 when there is one");
    const auto file = std::make_shared<std::string>(), daemon = std::make_shared<std::string>();
    check->add_option("FILE", *file, "relay.toml or signaling.toml")->required();
    check->add_option("--for", *daemon, "whose it is, where the file does not tell")->check(CLI::IsMember({"relay", "signaling"}))->type_name("DAEMON");
    check->footer("Examples:\n  turnpike config validate /etc/turnpike/relay.toml\n  turnpike config validate signaling.toml -o json");
    check->callback([&session, file, daemon] { validate(session, *file, *daemon); });
    add_import_coturn(*config, session);
}

}  // namespace turnpike::admin
