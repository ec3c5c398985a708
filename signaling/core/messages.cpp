#include "signaling/core/messages.hpp"

#include <array>
#include <utility>

#include "signaling/core/strict_json.hpp"
#include "signaling/core/text.hpp"

namespace turnpike::signaling {
namespace {

using nlohmann::json;

constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kTokenBytesMax = 256;
constexpr std::size_t kMidBytesMax = 64;
constexpr std::uint64_t kExactMax = (std::uint64_t{1} << 53) - 1;  // what JavaScript counts exactly

/// Reads members of one object and keeps the first complaint, so that a method reads as a list.
class Fields {
public:
    Fields(const json& object, const MessageLimits& limits) : object_(object), limits_(limits) {}

    bool ok() const { return complaint_.empty(); }
    const std::string& complaint() const { return complaint_; }
    ErrorCode code() const { return code_; }
    const MessageLimits& limits() const { return limits_; }

    void refuse(std::string_view name, std::string_view why, ErrorCode code = ErrorCode::InvalidParams) {
        if (!ok()) return;
        complaint_ = std::string{name} + " " + std::string{why};
        code_ = code;
    }
    /// The member, or null when it is absent or null.
    const json* find(std::string_view name) const {
        const auto at = object_.find(name);
        return at == object_.end() || at->is_null() ? nullptr : &*at;
    }
    const std::string* text(std::string_view name, bool required) {
        const json* value = find(name);
        if (value == nullptr) {
            if (required) refuse(name, "is required");
            return nullptr;
        }
        if (!value->is_string()) {
            refuse(name, "must be a string");
            return nullptr;
        }
        return &value->get_ref<const std::string&>();
    }
    std::string room() {
        const std::string* value = text("room", true);
        if (value == nullptr) return {};
        if (!is_room_id(*value)) refuse("room", "must be 3 to 64 of a-z, 0-9 and -");
        return *value;
    }
    std::string token(std::string_view name, std::size_t size_max) {
        const std::string* value = text(name, true);
        if (value == nullptr) return {};
        if (!is_token(*value, size_max)) refuse(name, "must be printable ASCII without blanks, of sane length");
        return *value;
    }
    /// Cleaned text for people's eyes; empty when it is absent.
    std::string shown(std::string_view name, std::size_t characters_max, bool required, bool lines = false) {
        const std::string* value = text(name, required);
        if (value == nullptr || (!required && value->empty())) return {};
        auto clean = shown_text(*value, characters_max, lines);
        if (clean) return *std::move(clean);
        refuse(name, "must have 1 to " + std::to_string(characters_max) + " visible characters");
        return {};
    }
    std::optional<bool> boolean(std::string_view name) {
        const json* value = find(name);
        if (value == nullptr) return {};
        if (!value->is_boolean()) {
            refuse(name, "must be true or false");
            return {};
        }
        return value->get<bool>();
    }
    std::optional<std::uint64_t> count(std::string_view name, bool required, std::uint64_t max = kExactMax) {
        const json* value = find(name);
        if (value == nullptr) {
            if (required) refuse(name, "is required");
            return {};
        }
        // A non-negative integer is always kept as unsigned by the reader.
        if (!value->is_number_unsigned() || value->get<std::uint64_t>() > max) {
            refuse(name, "must be an integer from 0 to " + std::to_string(max));
            return {};
        }
        return value->get<std::uint64_t>();
    }
    template <typename Enum>
    std::optional<Enum> choice(std::string_view name, std::initializer_list<Enum> values) {
        const std::string* value = text(name, false);
        if (value == nullptr) return {};
        std::string all;
        for (const Enum each : values) {
            if (to_string(each) == *value) return each;
            all += (all.empty() ? "" : "|") + std::string{to_string(each)};
        }
        refuse(name, "must be one of " + all);
        return {};
    }
    /// A member that must be an object; an empty object after a complaint.
    const json& object(std::string_view name) {
        static const json kEmpty = json::object();
        const json* value = find(name);
        if (value != nullptr && value->is_object()) return *value;
        refuse(name, value == nullptr ? "is required" : "must be an object");
        return kEmpty;
    }
    void take_complaint_of(std::string_view prefix, const Fields& inner) {
        if (!inner.ok() && ok()) {
            complaint_ = std::string{prefix} + inner.complaint_;
            code_ = inner.code_;
        }
    }

private:
    const json& object_;
    const MessageLimits& limits_;
    std::string complaint_;
    ErrorCode code_ = ErrorCode::InvalidParams;
};

Call read_hello(Fields& f) {
    Hello call;
    const json* v = f.find("v");
    if (v == nullptr || !v->is_number_integer()) {
        f.refuse("v", "is required and must be an integer");
    } else {
        call.version = v->is_number_unsigned() && v->get<std::uint64_t>() > kExactMax ? -1 : v->get<std::int64_t>();
    }
    call.client = f.shown("client", 64, false);
    call.token_given = f.find("token") != nullptr;
    return call;
}

Call read_resume(Fields&) { return Resume{}; }

Call read_ping(Fields& f) {
    Ping call{"null"};
    if (const json* t = f.find("t")) {
        if (!t->is_number()) f.refuse("t", "must be a number");
        else call.t = t->dump();
    }
    return call;
}

Call read_bye(Fields&) { return Bye{}; }

Call read_create(Fields& f) {
    CreateRoom call;
    if (f.find("room") != nullptr) call.room = f.room();
    call.name = f.shown("name", f.limits().room_name_characters, false);
    if (const std::string* v = f.text("visibility", false); v != nullptr && *v == "private") {
        f.refuse("visibility", "private is not offered by this server");
    } else {
        call.visibility = f.choice("visibility", {Visibility::Public, Visibility::Unlisted}).value_or(Visibility::Unlisted);
    }
    if (const json* tags = f.find("tags")) {
        if (!tags->is_array() || tags->size() > f.limits().tags) {
            f.refuse("tags", "must be an array of at most " + std::to_string(f.limits().tags));
        } else {
            for (const json& tag : *tags) {
                auto clean = tag.is_string()
                                 ? shown_text(tag.get_ref<const std::string&>(), f.limits().tag_characters)
                                 : std::nullopt;
                if (clean) call.tags.push_back(*std::move(clean));
                else f.refuse("tags", "must be strings of 1 to " + std::to_string(f.limits().tag_characters) + " visible characters");
            }
        }
    }
    if (const auto max = f.count("max", false, 1000)) call.max = static_cast<unsigned>(*max);
    if (f.find("region") != nullptr) call.region = f.token("region", kIdBytesMax);
    return call;
}

Call read_join(Fields& f) {
    JoinRoom call;
    call.room = f.room();
    Fields peer{f.object("peer"), f.limits()};
    call.name = peer.shown("name", f.limits().name_characters, true);
    call.kind = peer.choice("kind", {PeerKind::Human, PeerKind::Bot}).value_or(PeerKind::Human);
    f.take_complaint_of("peer.", peer);
    if (f.find("host_key") != nullptr) call.host_key = f.token("host_key", kTokenBytesMax);
    call.create = f.boolean("create").value_or(false);
    if (f.find("region") != nullptr) call.region = f.token("region", kIdBytesMax);
    if (f.find("rejoin") != nullptr) {
        Fields rejoin{f.object("rejoin"), f.limits()};
        call.rejoin = Rejoin{rejoin.token("peer_id", kIdBytesMax), rejoin.token("token", kTokenBytesMax)};
        f.take_complaint_of("rejoin.", rejoin);
    }
    return call;
}

Call read_leave(Fields& f) { return LeaveRoom{f.room()}; }

Call read_kick(Fields& f) {
    KickPeer call{f.room(), f.token("peer", kIdBytesMax), {}};
    call.reason = f.shown("reason", 128, false);
    return call;
}

Call read_presence(Fields& f) {
    SetPresence call;
    call.room = f.room();
    call.muted = f.boolean("muted");
    call.hand = f.boolean("hand");
    call.link = f.choice("link", {Link::Unknown, Link::Direct, Link::Relay, Link::Mixed});
    return call;
}

void read_description(Fields& f, json& out) {
    Fields d{f.object("description"), f.limits()};
    const std::string* type = d.text("type", true);
    if (type != nullptr && *type != "offer" && *type != "answer" && *type != "pranswer" && *type != "rollback") {
        d.refuse("type", "must be one of offer|answer|pranswer|rollback");
    }
    const bool rollback = type != nullptr && *type == "rollback";
    const std::string* sdp = d.text("sdp", !rollback);
    if (sdp != nullptr && sdp->size() > f.limits().sdp_bytes) {
        d.refuse("sdp", "is longer than " + std::to_string(f.limits().sdp_bytes) + " bytes", ErrorCode::TooLarge);
    }
    f.take_complaint_of("description.", d);
    if (!f.ok()) return;
    out["type"] = *type;
    if (sdp != nullptr) out["sdp"] = *sdp;
}

void read_candidate(Fields& f, const json& from, json& out) {
    static const json kEmpty = json::object();
    if (!from.is_object()) f.refuse("candidates", "must be objects");
    Fields c{from.is_object() ? from : kEmpty, f.limits()};
    for (const std::string_view name : {"candidate", "sdpMid", "usernameFragment"}) {
        const std::string* value = c.text(name, name == "candidate");
        if (value == nullptr) continue;
        if (value->size() > f.limits().candidate_bytes) {
            c.refuse(name, "is longer than " + std::to_string(f.limits().candidate_bytes) + " bytes", ErrorCode::TooLarge);
        }
        out[std::string{name}] = *value;
    }
    if (const auto line = c.count("sdpMLineIndex", false, 65535)) out["sdpMLineIndex"] = *line;
    f.take_complaint_of("candidates.", c);
}

Call read_signal(Fields& f) {
    Signal call;
    call.room = f.room();
    call.to = f.token("to", kIdBytesMax);
    call.e = f.count("e", true).value_or(0);
    call.n = f.count("n", true).value_or(0);
    const json* description = f.find("description");
    const json* candidates = f.find("candidates");
    if ((description == nullptr) == (candidates == nullptr)) {
        f.refuse("params", "must have either description or candidates");
    } else if (description != nullptr) {
        json out = json::object();
        read_description(f, out);
        if (f.ok()) call.payload = "\"description\":" + out.dump();
    } else if (!candidates->is_array() || candidates->empty()) {
        f.refuse("candidates", "must be an array of at least one");
    } else if (candidates->size() > f.limits().candidates) {
        f.refuse("candidates", "are more than " + std::to_string(f.limits().candidates), ErrorCode::TooLarge);
    } else {
        json out = json::array();
        for (const json& candidate : *candidates) {
            json& one = out.emplace_back(json::object());
            read_candidate(f, candidate, one);
        }
        if (f.ok()) call.payload = "\"candidates\":" + out.dump();
    }
    return call;
}

Call read_chat(Fields& f) {
    SendChat call;
    call.room = f.room();
    call.mid = f.token("mid", kMidBytesMax);
    if (const std::string* body = f.text("body", true)) {
        if (body->size() > f.limits().chat_bytes) {
            f.refuse("body", "is longer than " + std::to_string(f.limits().chat_bytes) + " bytes", ErrorCode::TooLarge);
        } else {
            call.body = f.shown("body", f.limits().chat_bytes, true, true);
        }
    }
    return call;
}

Call read_ice(Fields& f) { return GetIce{f.room()}; }

struct Method {
    std::string_view name;
    Call (*read)(Fields&);
};

// In the order of Call's alternatives: method_of() indexes it.
constexpr std::array<Method, std::variant_size_v<Call>> kMethods{{
    {"session.hello", read_hello},
    {"session.resume", read_resume},
    {"session.ping", read_ping},
    {"session.bye", read_bye},
    {"room.create", read_create},
    {"room.join", read_join},
    {"room.leave", read_leave},
    {"room.kick", read_kick},
    {"presence.set", read_presence},
    {"peer.signal", read_signal},
    {"chat.send", read_chat},
    {"ice.get", read_ice},
}};

std::string_view complaint_of(JsonFault fault) {
    switch (fault) {
        case JsonFault::TooDeep: return "nested too deep";
        case JsonFault::DuplicateName: return "a member name is there twice";
        case JsonFault::NulCharacter: return "a string holds a NUL";
        default: return "not JSON";
    }
}

}  // namespace

std::string_view to_string(Visibility v) noexcept { return v == Visibility::Public ? "public" : "unlisted"; }
std::string_view to_string(PeerKind k) noexcept { return k == PeerKind::Bot ? "bot" : "human"; }
std::string_view to_string(Link l) noexcept {
    switch (l) {
        case Link::Unknown: return "unknown";
        case Link::Direct: return "direct";
        case Link::Relay: return "relay";
        case Link::Mixed: return "mixed";
    }
    return "unknown";
}

std::string_view method_of(const Call& call) noexcept { return kMethods[call.index()].name; }

std::expected<Request, Refusal> parse_request(std::string_view text, const MessageLimits& limits) {
    const auto refuse = [](std::string id, ErrorCode code, std::string message) {
        return std::unexpected(Refusal{std::move(id), code, std::move(message)});
    };
    if (text.size() > limits.message_bytes) return refuse("null", ErrorCode::TooLarge, "message too large");

    JsonFault fault = JsonFault::None;
    const json message = parse_strict(text, limits.depth, fault);
    if (fault == JsonFault::Malformed) return refuse("null", ErrorCode::ParseError, "not JSON");
    if (fault != JsonFault::None) {
        return refuse("null", ErrorCode::InvalidRequest, std::string{complaint_of(fault)});
    }
    if (message.is_array()) return refuse("null", ErrorCode::InvalidRequest, "batches are not taken");
    if (!message.is_object()) return refuse("null", ErrorCode::InvalidRequest, "not an object");

    std::string id;
    if (const auto at = message.find("id"); at != message.end()) {
        const bool good = at->is_number_integer() ||
                          (at->is_string() && at->get_ref<const std::string&>().size() <= kIdBytesMax);
        if (!good) return refuse("null", ErrorCode::InvalidRequest, "id must be an integer or a short string");
        id = at->dump();
    }
    // From here on a notification (no id) is refused in silence, as JSON-RPC 2.0 §4.1 has it, except
    // when it is no valid request at all (§5.1).
    const auto or_null = [&id] { return id.empty() ? std::string{"null"} : id; };
    if (const auto at = message.find("jsonrpc"); at == message.end() || *at != "2.0") {
        return refuse(or_null(), ErrorCode::InvalidRequest, "jsonrpc must be \"2.0\"");
    }
    const auto method = message.find("method");
    if (method == message.end() || !method->is_string()) {
        return refuse(or_null(), ErrorCode::InvalidRequest, "method must be a string");
    }
    const Method* known = nullptr;
    for (const Method& each : kMethods) {
        if (each.name == method->get_ref<const std::string&>()) known = &each;
    }
    if (known == nullptr) return refuse(id, ErrorCode::MethodNotFound, "no such method");

    static const json kNone = json::object();
    const auto params = message.find("params");
    if (params != message.end() && !params->is_object()) {
        return refuse(id, ErrorCode::InvalidParams, "params must be an object");
    }
    Fields fields{params == message.end() ? kNone : *params, limits};
    Call call = known->read(fields);
    if (!fields.ok()) return refuse(id, fields.code(), fields.complaint());
    return Request{std::move(id), std::move(call)};
}

}  // namespace turnpike::signaling
