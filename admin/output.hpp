#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "admin/failure.hpp"
#include "admin/session.hpp"

namespace turnpike::admin {

enum class Format : std::uint8_t { Table, Json, JsonLines, Tsv, Csv, Name };

/// How a value looks to people; programs get it as it is.
enum class Style : std::uint8_t {
    Text,
    Bytes,     // 1536 → 1.5 kB
    Duration,  // seconds → 25m36s
    Percent,   // 0.25 → 25 %
    Length,    // a list → how many
    List,      // a list → a, b
    Limit,     // 0 → –
};

/// One column of a listing: a JSON pointer into each item.
struct Column {
    std::string_view title, pointer;
    Style style = Style::Text;
};

/// What a command found.
struct Listing {
    std::string_view kind;          // "NodeList"
    std::vector<Column> columns;
    std::span<const nlohmann::json> items;
    std::string_view empty;         // what to say on a terminal when there is none
    std::vector<Failure> errors{};  // of sources that did not answer
};

/// The format that -o and the terminal ask for.
std::expected<Format, Failure> format_of(Session& session);

/// Writes a listing in that format.
void write(Session& session, Format format, const Listing& listing);
/// One object: key and value a line in the table, TSV and CSV formats.
void write_one(Session& session, Format format, std::string_view kind, const nlohmann::json& item);

/// {"apiVersion":"turnpike/v1","kind":..,"metadata":{..},"items":[..]}
nlohmann::ordered_json envelope(Session& session, std::string_view kind, std::span<const nlohmann::json> items,
                                std::span<const Failure> errors = {});

/// The value at a pointer: as programs get it, and as people do.
std::string raw_cell(const nlohmann::json& item, std::string_view pointer);
std::string human_cell(const nlohmann::json& item, const Column& column);

/// Lines of cells, aligned; numbers to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows, std::string_view indent = "");

}  // namespace turnpike::admin
