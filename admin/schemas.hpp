#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace turnpike::admin {

/// A member of the items of a kind of output.
struct Field {
    std::string_view path;  // "allocations.active", "permissions[].peer"
    std::string_view
        type;  // string, integer, number, boolean, time, object, strings; "| null" may follow
    std::string_view meaning;
    bool required = true;
};

/// What -o json promises of one kind: these members, of these types. More may be added within v1,
/// none taken away.
struct Schema {
    std::string_view kind, about;
    std::span<const Field> fields;
};

std::span<const Schema> schemas();
/// Null when there is none of that name.
const Schema* schema_of(std::string_view kind);

/// The whole answer, envelope and items, as a JSON Schema (2020-12).
nlohmann::ordered_json json_schema(const Schema& schema);

}  // namespace turnpike::admin
