#include "admin/output.hpp"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/units.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

const Json* at(const Json& item, std::string_view pointer) {
    const Json::json_pointer path{std::string{pointer}};
    return item.contains(path) ? &item.at(path) : nullptr;
}

std::string plain(const Json& value) {
    if (value.is_null()) return {};
    if (value.is_string()) return value.get<std::string>();
    return value.dump();
}

std::string joined(const Json& list, std::string_view between) {
    std::string out;
    for (const Json& each : list) out += (out.empty() ? "" : std::string{between}) + plain(each);
    return out;
}

// "/traffic/bytes_to_peer" → "traffic.bytes_to_peer"
std::string field_name(std::string_view pointer) {
    std::string name{pointer.substr(pointer.starts_with('/') ? 1 : 0)};
    std::ranges::replace(name, '/', '.');
    return name;
}

std::string tsv_cell(std::string text) {
    for (char& c : text) {
        if (c == '\t' || c == '\n' || c == '\r') c = ' ';
    }
    return text;
}

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string{"\"\""} : std::string{c};
    return out + '"';
}

using Encode = std::string (*)(const std::string&);
std::string tsv(const std::string& text) { return tsv_cell(text); }
std::string csv(const std::string& text) { return csv_cell(text); }

void write_line(std::ostream& out, const std::vector<std::string>& cells, char between, Encode encode) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out << between;
        out << encode(cells[i]);
    }
    out << '\n';
}

void write_separated(Session& session, const Listing& listing, char between, Encode encode) {
    std::ostream& out = session.world().out;
    std::vector<std::string> cells;
    if (!session.globals.no_headers) {
        for (const Column& column : listing.columns) cells.push_back(field_name(column.pointer));
        write_line(out, cells, between, encode);
    }
    for (const Json& item : listing.items) {
        cells.clear();
        for (const Column& column : listing.columns) cells.push_back(raw_cell(item, column.pointer));
        write_line(out, cells, between, encode);
    }
}

void write_table(Session& session, const Listing& listing) {
    if (listing.items.empty()) {
        if (!listing.empty.empty()) session.world().err << listing.empty << '\n';
        return;
    }
    std::vector<std::vector<std::string>> rows;
    if (!session.globals.no_headers) {
        rows.emplace_back();
        for (const Column& column : listing.columns) rows.back().emplace_back(column.title);
    }
    for (const Json& item : listing.items) {
        rows.emplace_back();
        for (const Column& column : listing.columns) rows.back().push_back(human_cell(item, column));
    }
    std::string text = aligned(rows);
    if (!session.globals.no_headers && session.world().out_is_terminal && session.colors()) {
        const std::size_t line = text.find('\n');
        text = "\x1b[1m" + text.substr(0, line) + "\x1b[0m" + text.substr(line);
    }
    session.world().out << text;
}

// One line a leaf: "traffic.bytes_to_peer", "1536".
void flatten(const Json& value, const std::string& name, std::vector<std::vector<std::string>>& rows) {
    if (value.is_object() && !value.empty()) {
        for (const auto& [key, each] : value.items()) flatten(each, name.empty() ? key : name + "." + key, rows);
    } else if (value.is_array() && !value.empty() && value.front().is_structured()) {
        for (std::size_t i = 0; i < value.size(); ++i) flatten(value[i], fmt::format("{}.{}", name, i), rows);
    } else {
        rows.push_back({name, value.is_array() ? joined(value, ", ") : plain(value)});
    }
}

bool looks_like_a_number(std::string_view text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9' && text.find_first_of(":.-") == std::string_view::npos;
}

}  // namespace

std::expected<Format, Failure> format_of(Session& session) {
    const std::string& name = session.globals.output;
    if (name.empty()) return session.world().out_is_terminal ? Format::Table : Format::Tsv;
    if (name == "table") return Format::Table;
    if (name == "json") return Format::Json;
    if (name == "jsonl") return Format::JsonLines;
    if (name == "tsv") return Format::Tsv;
    if (name == "csv") return Format::Csv;
    if (name == "name") return Format::Name;
    return std::unexpected(Failure{ExitCode::Usage, fmt::format("this command has no output format '{}'", name),
                                   "one of table, json, jsonl, tsv, csv, name"});
}

std::string raw_cell(const Json& item, std::string_view pointer) {
    const Json* value = at(item, pointer);
    if (value == nullptr) return {};
    if (!value->is_array()) return plain(*value);
    // A list of objects is told by what it is a list of: its length.
    if (!value->empty() && value->front().is_structured()) return std::to_string(value->size());
    return joined(*value, ",");
}

std::string human_cell(const Json& item, const Column& column) {
    const Json* value = at(item, column.pointer);
    if (value == nullptr || value->is_null()) return "–";
    switch (column.style) {
        case Style::Bytes:
            if (value->is_number()) return human_bytes(value->get<std::uint64_t>());
            break;
        case Style::Duration:
            if (value->is_number()) return human_duration(value->get<std::int64_t>());
            break;
        case Style::Percent:
            if (value->is_number()) return fmt::format("{:.0f} %", value->get<double>() * 100);
            break;
        case Style::Length:
            if (value->is_array()) return std::to_string(value->size());
            break;
        case Style::List:
            if (value->is_array()) return value->empty() ? "–" : printable(joined(*value, ", "));
            break;
        case Style::Limit:
            if (value->is_number() && value->get<double>() == 0) return "–";
            break;
        case Style::Text: break;
    }
    std::string text = printable(plain(*value));
    return text.empty() ? "–" : text;
}

std::string aligned(const std::vector<std::vector<std::string>>& rows, std::string_view indent) {
    std::vector<std::size_t> widths;
    std::vector<bool> numbers;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t c = 0; c < rows[r].size(); ++c) {
            if (c >= widths.size()) {
                widths.push_back(0);
                numbers.push_back(rows.size() > 1);
            }
            widths[c] = std::max(widths[c], display_width(rows[r][c]));
            if (r > 0 && !looks_like_a_number(rows[r][c]) && rows[r][c] != "–") numbers[c] = false;
        }
    }
    std::string out;
    for (const auto& row : rows) {
        out += indent;
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string gap(widths[c] - display_width(row[c]), ' ');
            const bool last = c + 1 == row.size();
            if (numbers[c]) out += gap + row[c];
            else out += row[c] + (last ? "" : gap);
            if (!last) out += "  ";
        }
        out += '\n';
    }
    return out;
}

nlohmann::ordered_json envelope(Session& session, std::string_view kind, std::span<const Json> items,
                                std::span<const Failure> errors) {
    nlohmann::ordered_json json;
    json["apiVersion"] = "turnpike/v1";
    json["kind"] = kind;
    auto& metadata = json["metadata"];
    metadata["generated_at"] = rfc3339(session.world().clock.wall());
    metadata["partial"] = !errors.empty();
    metadata["errors"] = nlohmann::ordered_json::array();
    for (const Failure& error : errors) metadata["errors"].push_back(error.message);
    if (session.globals.dry_run) metadata["dry_run"] = true;
    json["items"] = nlohmann::ordered_json::array();
    for (const Json& item : items) json["items"].push_back(nlohmann::ordered_json(item));
    return json;
}

void write(Session& session, Format format, const Listing& listing) {
    std::ostream& out = session.world().out;
    switch (format) {
        case Format::Table: write_table(session, listing); break;
        case Format::Tsv: write_separated(session, listing, '\t', tsv); break;
        case Format::Csv: write_separated(session, listing, ',', csv); break;
        case Format::Json: out << envelope(session, listing.kind, listing.items, listing.errors).dump(2) << '\n'; break;
        case Format::JsonLines:
            for (const Json& item : listing.items) out << item.dump() << '\n';
            break;
        case Format::Name:
            for (const Json& item : listing.items) out << tsv_cell(raw_cell(item, listing.columns.front().pointer)) << '\n';
            break;
    }
    if (!listing.errors.empty()) session.finish(ExitCode::Partial);
}

void write_one(Session& session, Format format, std::string_view kind, const Json& item) {
    std::ostream& out = session.world().out;
    if (format == Format::Json) {
        out << envelope(session, kind, {&item, 1}).dump(2) << '\n';
        return;
    }
    if (format == Format::JsonLines) {
        out << item.dump() << '\n';
        return;
    }
    if (format == Format::Name) {
        out << tsv_cell(raw_cell(item, "/id")) << '\n';
        return;
    }
    std::vector<std::vector<std::string>> rows;
    flatten(item, {}, rows);
    if (format == Format::Table) {
        std::size_t width = 0;
        for (const auto& row : rows) width = std::max(width, row.front().size());
        for (const auto& row : rows) {
            const std::string& name = row.front();
            std::string value = printable(row.back());
            if (name.ends_with("_seconds") && looks_like_a_number(value)) value = human_duration(std::stoll(value));
            out << fmt::format("{:<{}}  {}\n", name, width, value.empty() ? "–" : value);
        }
        return;
    }
    for (const auto& row : rows) write_line(out, row, format == Format::Csv ? ',' : '\t', format == Format::Csv ? csv : tsv);
}

}  // namespace turnpike::admin
