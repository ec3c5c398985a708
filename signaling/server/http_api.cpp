#include "signaling/server/http_api.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "common/crypto/base64.hpp"

namespace turnpike::signaling {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kListedRoomsMax = 100;
constexpr std::size_t kSubjectMax = 128;

std::string text_of(const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

HttpAnswer json_answer(int status, const ordered_json& value) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = text_of(value) + "\n";
    answer.headers = {{"Cache-Control", "no-store"}};
    return answer;
}

HttpAnswer wrong_method(std::string_view allowed) {
    HttpAnswer answer = error_answer(405, "method_not_allowed", "this address takes " + std::string{allowed});
    answer.headers.emplace_back("Allow", allowed);
    return answer;
}

HttpAnswer issue_failure(Hub::IssueError error) {
    switch (error) {
        case Hub::IssueError::NoRelay: {
            HttpAnswer answer = error_answer(503, "turn_unavailable", "no relay is up");
            answer.headers.emplace_back("Retry-After", "5");
            return answer;
        }
        case Hub::IssueError::NoSecret: return error_answer(503, "turn_unavailable", "no secret is configured");
        case Hub::IssueError::BadSubject: break;
    }
    return error_answer(400, "bad_request", "the user does not fit into a credential");
}

std::string anonymous_user(Random& random) {
    std::array<std::uint8_t, 9> raw{};
    random.fill_public(raw);
    return "api-" + crypto::base64url(raw);
}

std::optional<Seconds> ttl_of(std::int64_t seconds) {
    if (seconds < kTtlLeast.count() || seconds > kTtlMost.count()) return {};
    return Seconds{seconds};
}

HttpAnswer bad_ttl() { return error_answer(400, "bad_request", "ttl is 10 to 86400 seconds"); }

HttpAnswer public_rooms(const HttpRequest& request, const Hub& hub) {
    const auto tag = request.query.find("tag");
    std::vector<RoomSummary> listed;
    for (RoomSummary& room : hub.rooms()) {
        if (room.visibility != Visibility::Public || room.online == 0) continue;
        if (tag != request.query.end() && std::ranges::find(room.tags, tag->second) == room.tags.end()) continue;
        listed.push_back(std::move(room));
    }
    std::ranges::sort(listed, [](const auto& a, const auto& b) { return a.online > b.online; });
    if (listed.size() > kListedRoomsMax) listed.resize(kListedRoomsMax);
    ordered_json rooms = ordered_json::array();
    for (const RoomSummary& room : listed) {
        rooms.push_back({{"room", room.room}, {"name", room.name}, {"tags", room.tags}, {"count", room.online}, {"max", room.max}});
    }
    HttpAnswer answer = json_answer(200, {{"rooms", std::move(rooms)}});
    answer.headers = {{"Cache-Control", "public, max-age=2"}};
    return answer;
}

}  // namespace

HttpAnswer error_answer(int status, std::string_view code, std::string_view message) {
    return json_answer(status, {{"error", {{"code", code}, {"message", message}}}});
}

HttpAnswer ready_answer(const HttpApi::Health& health) {
    ordered_json degraded = ordered_json::array();
    if (health.relays_active == 0) degraded.push_back("relays");
    return json_answer(health.stopping ? 503 : 200,
                       {{"status", health.stopping ? "stopping" : "ready"},
                        {"degraded", std::move(degraded)},
                        {"relays", {{"active", health.relays_active}, {"known", health.relays}}}});
}

std::string_view subject_fault(std::string_view subject) {
    if (subject.empty() || subject.size() > kSubjectMax) return "must have 1 to 128 bytes";
    for (const char c : subject) {
        if (c <= 0x20 || c >= 0x7F || c == ';' || c == ':') return "must be printable ASCII without blanks, ';' and ':'";
    }
    return {};
}

std::optional<HttpAnswer> HttpApi::answer(const HttpRequest& request, Hub& hub, Random& random, WallTime wall, const Health& health) const {
    const std::string& path = request.path;
    const bool get = request.method == "GET";
    if (path == "/healthz") return get ? json_answer(200, {{"status", "ok"}}) : wrong_method("GET");
    if (path == "/readyz") return get ? ready_answer(health) : wrong_method("GET");
    if (path == "/rooms") return get ? public_rooms(request, hub) : wrong_method("GET");
    if (path == "/v1/ice-servers") {
        if (auto refused = refusal(request)) return refused;
        return request.method == "POST" ? ice_servers(request, hub, random, wall) : wrong_method("POST");
    }
    if (path == "/turn") {
        if (auto refused = refusal(request)) return refused;
        return get ? turn_rest(request, hub, random, wall) : wrong_method("GET");
    }
    if (path.starts_with("/v1/") || path == "/v1") return error_answer(404, "not_found", "no such address");
    return {};
}

// Whoever has no key learns neither whether a user exists nor, without keys, that this API does.
std::optional<HttpAnswer> HttpApi::refusal(const HttpRequest& request) const {
    if (keys_.empty()) return error_answer(404, "not_found", "no such address");
    std::string_view given;
    constexpr std::string_view kBearer = "bearer ";
    const std::string_view authorization = request.authorization;
    const bool bearer = authorization.size() > kBearer.size() &&
                        std::ranges::equal(authorization.substr(0, kBearer.size()), kBearer, [](char a, char b) { return (a | 0x20) == (b | 0x20); });
    if (bearer) {
        given = authorization.substr(kBearer.size());
        while (given.starts_with(' ')) given.remove_prefix(1);
    } else if (const auto key = request.query.find("key"); key != request.query.end()) {
        given = key->second;
    }
    bool known = false;
    for (const Secret& key : keys_) known |= Secret::same(key.reveal(), as_bytes(given));  // each one, in constant time
    if (known) return {};
    HttpAnswer answer = error_answer(401, "unauthorized", "an API key is needed: Authorization: Bearer KEY");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"turnpike\"");
    return answer;
}

HttpAnswer HttpApi::ice_servers(const HttpRequest& request, Hub& hub, Random& random, WallTime wall) const {
    std::string user;
    std::optional<Seconds> ttl;
    if (!request.body.empty()) {
        const auto body = nlohmann::json::parse(request.body, nullptr, false);
        if (!body.is_object()) return error_answer(400, "bad_request", "the body must be a JSON object");
        if (const auto at = body.find("user"); at != body.end()) {
            if (!at->is_string()) return error_answer(400, "bad_request", "user must be a string");
            user = at->get<std::string>();
            if (const auto fault = subject_fault(user); !fault.empty()) return error_answer(400, "bad_request", "user " + std::string{fault});
        }
        if (const auto at = body.find("ttl"); at != body.end()) {
            if (!at->is_number_unsigned() || at->get<std::uint64_t>() > 1'000'000) return bad_ttl();
            ttl = ttl_of(at->get<std::int64_t>());
            if (!ttl) return bad_ttl();
        }
    }
    if (user.empty()) user = anonymous_user(random);
    const auto issued = hub.issue_for(user, hub.default_capability(), ttl, wall);
    if (!issued) return issue_failure(issued.error());
    const IceServers& ice = issued->ice;
    ordered_json servers = ordered_json::array();
    servers.push_back({{"urls", ice.urls}, {"username", ice.username}, {"credential", ice.credential}});
    return json_answer(201, {{"iceServers", std::move(servers)},
                             {"ttl_seconds", ice.ttl.count()},
                             {"expires_at", unix_seconds(ice.expires_at)}});
}

HttpAnswer HttpApi::turn_rest(const HttpRequest& request, Hub& hub, Random& random, WallTime wall) const {
    const auto value = [&](const char* name) {
        const auto at = request.query.find(name);
        return at == request.query.end() ? std::string{} : at->second;
    };
    if (value("service") != "turn") return error_answer(400, "bad_request", "service must be turn");
    std::string user = value("username");
    if (user.empty()) user = anonymous_user(random);
    if (const auto fault = subject_fault(user); !fault.empty()) return error_answer(400, "bad_request", "username " + std::string{fault});
    std::optional<Seconds> ttl;
    if (const std::string asked = value("ttl"); !asked.empty()) {
        std::int64_t seconds = 0;
        const auto [end, error] = std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
        if (error == std::errc{} && end == asked.data() + asked.size()) ttl = ttl_of(seconds);
        if (!ttl) return bad_ttl();
    }
    const auto issued = hub.issue_for(user, hub.default_capability(), ttl, wall);
    if (!issued) return issue_failure(issued.error());
    const IceServers& ice = issued->ice;
    return json_answer(200, {{"username", ice.username}, {"password", ice.credential}, {"ttl", ice.ttl.count()}, {"uris", ice.urls}});
}

}  // namespace turnpike::signaling
