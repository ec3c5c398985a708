#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/schemas.hpp"
#include "common/config/document.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const std::vector<Column> kKindColumns{
    {"KIND", "/kind"}, {"PRINTED BY", "/about"}, {"FIELDS", "/fields"}};
const std::vector<Column> kFieldColumns{
    {"FIELD", "/field"}, {"TYPE", "/type"}, {"MEANING", "/meaning"}};

void list(Session& session) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    std::vector<Json> items;
    for (const Schema& each : schemas())
        items.push_back(
            {{"kind", each.kind}, {"about", each.about}, {"fields", each.fields.size()}});
    write(session, *format, {"SchemaList", kKindColumns, items, ""});
}

void show(Session& session, const std::string& kind) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const Schema* schema = schema_of(kind);
    if (schema == nullptr) {
        std::vector<std::string_view> known;
        for (const Schema& each : schemas()) known.push_back(each.kind);
        const std::string_view meant = config::nearest(kind, known);
        return session.fail({ExitCode::NotFound, fmt::format("there is no kind '{}'", kind),
                             meant.empty() ? "turnpike schema lists them"
                                           : fmt::format("did you mean {}?", meant)});
    }
    if (*format == Format::Json || *format == Format::JsonLines) {
        session.world().out << json_schema(*schema).dump(*format == Format::Json ? 2 : -1) << '\n';
        return;
    }
    std::vector<Json> items;
    for (const Field& each : schema->fields) {
        items.push_back({{"field", each.path},
                         {"type", std::string{each.type} + (each.required ? "" : ", not always")},
                         {"meaning", each.meaning}});
    }
    write(session, *format, {"SchemaFieldList", kFieldColumns, items, ""});
}

void write_all(Session& session, const std::string& folder) {
    for (const Schema& each : schemas()) {
        if (!session.write_file(fs::path{folder} / (std::string{each.kind} + ".json"), json_schema(each).dump(2) + '\n')) return;
    }
}

}  // namespace

void add_schema(CLI::App& app, Session& session) {
    CLI::App* schema =
        app.add_subcommand("schema", "what -o json promises: JSON Schemas of every kind of output");
    const auto kind = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
    schema->add_option("KIND", *kind,
                       "as \"kind\" in the output has it; without it all kinds are listed");
    schema->add_option("--dir", *folder, "write all schemas into this folder")->type_name("DIR");
    schema->footer(
        "A table of the members; with -o json the JSON Schema (2020-12) itself. Within v1 members "
        "are added, none is taken away.\n\n"
        "Examples:\n  turnpike schema\n  turnpike schema NodeList\n  turnpike schema NodeList -o "
        "json > NodeList.json\n"
        "  turnpike schema --dir /usr/share/turnpike/schema");
    schema->callback([&session, kind, folder] {
        if (!folder->empty())
            write_all(session, *folder);
        else if (kind->empty())
            list(session);
        else
            show(session, *kind);
    });
}

}  // namespace turnpike::admin
