#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnpike::cluster {

/// What a store answered, as RESP2 has it. It came over a wire: read it with reply_reading.hpp
/// only, which checks types and counts.
struct Reply {
    enum class Type : std::uint8_t { Nil, Integer, Text, Status, Error, Array };

    Type type = Type::Nil;
    std::int64_t integer = 0;
    std::string text;             // Text, Status, Error
    std::vector<Reply> elements;  // Array

    static Reply nil() { return {}; }
    static Reply number(std::int64_t value) { return {Type::Integer, value, {}, {}}; }
    static Reply bytes(std::string value) { return {Type::Text, 0, std::move(value), {}}; }
    static Reply status(std::string value) { return {Type::Status, 0, std::move(value), {}}; }
    static Reply error(std::string value) { return {Type::Error, 0, std::move(value), {}}; }
    static Reply array(std::vector<Reply> of = {}) { return {Type::Array, 0, {}, std::move(of)}; }

    bool is(Type t) const noexcept { return type == t; }

    friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace turnpike::cluster
