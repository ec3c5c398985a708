#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/units.hpp"
#include "common/config/coturn_conf.hpp"
#include "common/config/document.hpp"
#include "common/config/text_file.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;
using config::coturn::Conf;
using config::coturn::Entry;
using config::coturn::Outcome;
namespace fs = std::filesystem;

const std::vector<Column> kColumns{
    {"LINE", "/line"}, {"OPTION", "/option"}, {"GIVEN", "/given"}, {"OUTCOME", "/outcome"},
    {"KEY", "/key"},   {"VALUE", "/value"},   {"NOTE", "/note"}};

Json json_of(const Entry& entry) {
    Json item{
        {"option", entry.option}, {"given", entry.given}, {"outcome", to_string(entry.outcome)},
        {"key", entry.key},       {"value", entry.value}, {"note", entry.note},
        {"stops", entry.stops}};
    // Of what is not in the file there is no line.
    item["line"] = entry.at.line != 0 ? Json(entry.at.line) : Json();
    item["column"] = entry.at.line != 0 ? Json(entry.at.column) : Json();
    return item;
}

// Errors with their lines, as the relay tells them.
std::string problems_of(Conf& conf) {
    config::Document document;
    document.translated(std::move(conf.translation));
    for (const auto& [place, message] : conf.problems) document.problem(place, message);
    return document.report();
}

void write_toml(Session& session, const std::string& file, Conf& conf) {
    std::ostream& err = session.world().err;
    for (const Entry& entry : conf.entries) err << printable(entry.to_string(file)) << '\n';
    if (!conf.problems.empty()) return;
    session.world().out << fmt::format("# Made of {} by turnpike config import-coturn.\n\n",
                                       printable(file))
                        << conf.translation.toml;
}

void import_coturn(Session& session, const std::string& file) {
    const bool toml = session.globals.output.empty() || session.globals.output == "toml";
    auto format = toml ? std::expected<Format, Failure>{Format::Table} : format_of(session);
    if (!format) return session.fail(format.error());
    std::error_code error;
    if (!fs::exists(file, error))
        return session.fail({ExitCode::NotFound, fmt::format("there is no file {}", file), {}});
    const auto text = config::TextFile::read(file, Conf::kFileBytesMax);
    if (!text) return session.fail({ExitCode::Failed, text.error(), {}});

    // Relative names of files mean something else beside another file. This machine may not be the
    // relay's.
    Conf conf = Conf::read(
        text->text,
        {.name = file, .directory = fs::absolute(file, error).parent_path(), .ipv6 = true});
    if (toml) {
        write_toml(session, file, conf);
    } else {
        std::vector<Json> items;
        for (const Entry& entry : conf.entries) items.push_back(json_of(entry));
        write(session, *format,
              {"CoturnOptionList", kColumns, items, "nothing is said in this file"});
    }
    const bool wrong = !conf.problems.empty(), done = conf.all_done();
    if (wrong) {
        for (std::istringstream lines{problems_of(conf)}; lines;) {
            std::string line;
            if (std::getline(lines, line)) session.world().err << printable(line) << '\n';
        }
        session.finish(ExitCode::Failed);
    } else if (!done) {
        session.warn(
            "something in this file has no counterpart: the lines that say \"unsupported\"");
        session.finish(ExitCode::Partial);
    }
}

}  // namespace

void add_import_coturn(CLI::App& config, Session& session) {
    CLI::App* import = config.add_subcommand(
        "import-coturn", "coturn's turnserver.conf as relay.toml, and what became of each line");
    const auto file = std::make_shared<std::string>();
    import->add_option("FILE", *file, "turnserver.conf")->required();
    import->footer(
        "-o toml (the default) writes the configuration to stdout and the report to stderr; table, "
        "json and the other formats\n"
        "write the report. Exit code 8: something is unsupported; 1: something cannot be read, and "
        "no configuration is written.\n\n"
        "Examples:\n  turnpike config import-coturn /etc/turnserver.conf > relay.toml\n  turnpike "
        "config import-coturn /etc/turnserver.conf -o table\n"
        "  turnpike-relay --coturn-conf /etc/turnserver.conf --check");
    import->callback([&session, file] { import_coturn(session, *file);
});
}  // namespace turnpike::admin

}  // namespace turnpike::admin
