#include "common/cluster/reply_reading.hpp"

#include <array>

namespace turnpike::cluster::reading {
namespace {

using Type = Reply::Type;

std::unexpected<StoreError> bad(const Reply& reply) {
    return std::unexpected{unexpected_type(reply)};
}

std::string_view name_of(Type type) {
    switch (type) {
        case Type::Nil:
            return "nil";
        case Type::Integer:
            return "an integer";
        case Type::Text:
            return "a string";
        case Type::Status:
            return "a status";
        case Type::Error:
            return "an error";
        case Type::Array:
            return "an array";
    }
    return "?";
}

}  // namespace

StoreError error_of(std::string_view text) {
    using Kind = StoreError::Kind;
    struct Known {
        std::string_view word;
        Kind kind;
    };
    static constexpr std::array<Known, 15> kKnown{{{"READONLY", Kind::Refused},
                                                   {"OOM", Kind::Refused},
                                                   {"MISCONF", Kind::Refused},
                                                   {"NOREPLICAS", Kind::Refused},
                                                   {"NOAUTH", Kind::Denied},
                                                   {"WRONGPASS", Kind::Denied},
                                                   {"NOPERM", Kind::Denied},
                                                   {"DENIED", Kind::Denied},
                                                   {"WRONGTYPE", Kind::WrongType},
                                                   {"LOADING", Kind::Unavailable},
                                                   {"BUSY", Kind::Unavailable},
                                                   {"MASTERDOWN", Kind::Unavailable},
                                                   {"CLUSTERDOWN", Kind::Unavailable},
                                                   {"TRYAGAIN", Kind::Unavailable},
                                                   {"NOTBUSY", Kind::Failed}}};
    const std::string_view word = text.substr(0, text.find(' '));
    Kind kind = Kind::Failed;
    for (const Known& known : kKnown) {
        if (known.word == word) kind = known.kind;
    }
    return {kind, printable(text)};
}

StoreError unexpected_type(const Reply& reply) {
    if (reply.is(Type::Error)) return error_of(reply.text);
    return {StoreError::Kind::BadReply,
            "an answer of the wrong shape: " + std::string{name_of(reply.type)}};
}

Outcome<std::int64_t> number(const Reply& reply) {
    if (!reply.is(Type::Integer)) return bad(reply);
    return reply.integer;
}

Outcome<bool> flag(const Reply& reply) {
    if (!reply.is(Type::Integer) || reply.integer < 0 || reply.integer > 1) return bad(reply);
    return reply.integer == 1;
}

Outcome<std::string> bytes(const Reply& reply) {
    if (!reply.is(Type::Text)) return bad(reply);
    return reply.text;
}

Outcome<std::optional<std::string>> optional_bytes(const Reply& reply) {
    if (reply.is(Type::Nil)) return std::optional<std::string>{};
    if (!reply.is(Type::Text)) return bad(reply);
    return std::optional{reply.text};
}

Outcome<std::vector<std::string>> list(const Reply& reply) {
    if (!reply.is(Type::Array)) return bad(reply);
    std::vector<std::string> out;
    out.reserve(reply.elements.size());
    for (const Reply& element : reply.elements) {
        if (!element.is(Type::Text)) return bad(element);
        out.push_back(element.text);
    }
    return out;
}

Outcome<Fields> fields(const Reply& reply) {
    if (!reply.is(Type::Array) || reply.elements.size() % 2 != 0) return bad(reply);
    Fields out;
    out.reserve(reply.elements.size() / 2);
    for (std::size_t i = 0; i < reply.elements.size(); i += 2) {
        const Reply& name = reply.elements[i];
        const Reply& value = reply.elements[i + 1];
        if (!name.is(Type::Text)) return bad(name);
        if (!value.is(Type::Text)) return bad(value);
        out.emplace_back(name.text, value.text);
    }
    return out;
}

Outcome<HashPage> hash_page(const Reply& reply) {
    if (!reply.is(Type::Array) || reply.elements.size() != 2) return bad(reply);
    const Reply& next = reply.elements[0];
    if (!next.is(Type::Text) || next.text.empty() || next.text.size() > 20 ||
        next.text.find_first_not_of("0123456789") != std::string::npos) {
        return bad(next);
    }
    auto page = fields(reply.elements[1]);
    if (!page) return std::unexpected{page.error()};
    return HashPage{std::move(*page), next.text};
}

Outcome<StreamId> stream_id(const Reply& reply) {
    if (!reply.is(Type::Text)) return bad(reply);
    const auto id = StreamId::parse(reply.text);
    if (!id) return bad(reply);
    return *id;
}

Outcome<std::vector<StreamEntry>> entries(const Reply& reply) {
    if (!reply.is(Type::Array)) return bad(reply);
    std::vector<StreamEntry> out;
    out.reserve(reply.elements.size());
    for (const Reply& element : reply.elements) {
        if (!element.is(Type::Array) || element.elements.size() != 2) return bad(element);
        const auto id = stream_id(element.elements[0]);
        if (!id) return std::unexpected{id.error()};
        auto of = fields(element.elements[1]);
        if (!of) return std::unexpected{of.error()};
        // Who follows a stream goes on from the last id: it must be above the one before.
        if (!out.empty() && *id <= out.back().id) return bad(element.elements[0]);
        out.push_back({*id, std::move(*of)});
    }
    return out;
}

}  // namespace turnpike::cluster::reading
