#include "signaling/server/admin_routes.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/ops/time_text.hpp"
#include "signaling/core/text.hpp"

namespace turnpike::signaling {
namespace {

using nlohmann::ordered_json;
using ops::Request;
using ops::Response;
using ops::Verb;

Response json(const ordered_json& value) {
    return Response::json(value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

Response not_in_time() { return Response::error(504, "deadline", "the signaling thread did not answer in time"); }
Response bad(std::string_view message) { return Response::error(400, "bad_request", message); }

ordered_json room_object(const RoomSummary& room) {
    return {{"room", room.room},
            {"visibility", to_string(room.visibility)},
            {"members", room.members},
            {"max", room.max},
            {"created_at", ops::rfc3339(room.created_at)},
            {"relay", room.relay},
            {"region", room.region},
            {"name", room.name}};
}

ordered_json participant_object(const ParticipantSummary& who) {
    return {{"id", who.id},
            {"room", who.room},
            {"name", who.name},
            {"kind", to_string(who.kind)},
            {"joined_at", ops::rfc3339(who.joined_at)},
            {"muted", who.muted},
            {"link", to_string(who.link)},
            {"subject", who.subject},
            {"session_state", who.online ? "online" : "reconnecting"},
            {"host", who.host}};
}

ordered_json participant_list(const std::vector<ParticipantSummary>& participants) {
    ordered_json items = ordered_json::array();
    for (const ParticipantSummary& who : participants) items.push_back(participant_object(who));
    return items;
}

struct NodeNumbers {
    std::size_t rooms, participants, sessions;
    std::vector<RelayView> relays;
};

Response node(Service& service, const Clock& clock, const Identity& identity) {
    const auto numbers = service.ask<NodeNumbers>([](Service::Inside in) {
        return NodeNumbers{in.hub.room_count(), in.hub.participant_count(), in.hub.session_count(), in.relays.views()};
    });
    if (!numbers) return not_in_time();
    ordered_json relays = ordered_json::array();
    for (const RelayView& relay : numbers->relays) {
        ordered_json one{{"id", relay.node.id},
                         {"socket", relay.socket},
                         {"state", cluster::to_string(relay.node.state)},
                         {"urls", relay.node.urls},
                         {"allocations", relay.node.allocations},
                         {"load", relay.node.load},
                         {"last_seen_seconds", nullptr}};
        if (relay.last_seen_seconds >= 0) one["last_seen_seconds"] = relay.last_seen_seconds;
        if (!relay.error.empty()) one["error"] = relay.error;
        relays.push_back(std::move(one));
    }
    const auto uptime = std::chrono::duration_cast<Seconds>(clock.wall() - identity.started_at);
    return json({{"id", identity.id},
                 {"boot_id", identity.boot_id},
                 {"role", "signaling"},
                 {"version", TURNPIKE_VERSION},
                 {"pid", ::getpid()},
                 {"started_at", ops::rfc3339(identity.started_at)},
                 {"uptime_seconds", uptime.count()},
                 {"address", service.address().to_string()},
                 {"rooms", numbers->rooms},
                 {"participants", numbers->participants},
                 {"sessions", numbers->sessions},
                 {"relays", std::move(relays)}});
}

Response rooms(Service& service) {
    const auto all = service.ask<std::vector<RoomSummary>>([](Service::Inside in) { return in.hub.rooms(); });
    if (!all) return not_in_time();
    ordered_json items = ordered_json::array();
    for (const RoomSummary& room : *all) items.push_back(room_object(room));
    return json({{"items", std::move(items)}});
}

struct RoomDetail {
    std::optional<RoomSummary> room;
    std::vector<ParticipantSummary> participants;
};

Response room(Service& service, const std::string& id) {
    const auto detail = service.ask<RoomDetail>([id](Service::Inside in) { return RoomDetail{in.hub.room(id), in.hub.participants(id)}; });
    if (!detail) return not_in_time();
    if (!detail->room) return Response::error(404, "not_found", "there is no such room");
    ordered_json object = room_object(*detail->room);
    object["tags"] = detail->room->tags;
    object["participants"] = participant_list(detail->participants);
    return json(object);
}

Response participants(Service& service, const Request& request) {
    std::optional<std::string> only;
    if (const auto at = request.query.find("room"); at != request.query.end()) only = at->second;
    const auto all = service.ask<std::vector<ParticipantSummary>>([only](Service::Inside in) {
        return only ? in.hub.participants(*only) : in.hub.participants();
    });
    if (!all) return not_in_time();
    return json({{"items", participant_list(*all)}});
}

// The JSON object of a body; an empty body is an empty object.
std::optional<nlohmann::json> body_object(const Request& request) {
    if (request.body.empty()) return nlohmann::json::object();
    auto body = nlohmann::json::parse(request.body, nullptr, false);
    if (!body.is_object()) return {};
    return body;
}

Response kick(Service& service, const Request& request) {
    const auto body = body_object(request);
    if (!body) return bad("the body must be a JSON object");
    std::string reason = "kicked by an administrator";
    if (const auto at = body->find("reason"); at != body->end()) {
        auto shown = at->is_string() ? shown_text(at->get_ref<const std::string&>(), 128) : std::nullopt;
        if (!shown) return bad("reason must be a string of 1 to 128 visible characters");
        reason = *std::move(shown);
    }
    using Ended = std::optional<std::uint64_t>;
    const std::string id = request.parameters.at(0);
    const auto kicked = service.ask_later<Ended>([&service, id, reason](Service::Inside, std::function<void(Ended)> done) {
        service.kick(id, reason, std::move(done));
    });
    if (!kicked) return Response::error(504, "deadline", "the participant is out of the room, but a relay has not acknowledged yet; it will be told again");
    if (!*kicked) return Response::error(404, "not_found", "there is no such participant");
    return json({{"kicked", 1}, {"allocations_ended", **kicked}});
}

struct Wanted {
    std::string user, room, participant;
    std::optional<Seconds> ttl;
    std::optional<std::uint32_t> allocations, bandwidth_kbit_s;
    std::optional<bool> relay_peers_only;
};

// What POST /v1/credentials asks for, or what is wrong with it.
std::string read_wanted(const nlohmann::json& body, Wanted& wanted) {
    for (const auto& [name, value] : body.items()) {
        if (name == "user" || name == "room" || name == "participant") {
            if (!value.is_string()) return name + " must be a string";
            const std::string text = value.get<std::string>();
            if (const auto fault = subject_fault(text); !fault.empty()) return name + " " + std::string{fault};
            (name == "user" ? wanted.user : name == "room" ? wanted.room : wanted.participant) = text;
        } else if (name == "ttl_seconds") {
            const bool good = value.is_number_unsigned() && value.get<std::uint64_t>() >= static_cast<std::uint64_t>(kTtlLeast.count()) &&
                              value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kTtlMost.count());
            if (!good) return "ttl_seconds must be 10 to 86400";
            wanted.ttl = Seconds{value.get<std::int64_t>()};
        } else if (name == "allocations" || name == "bandwidth_kbit_s") {
            if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 || value.get<std::uint64_t>() > 10'000'000) {
                return name + " must be an integer from 1 to 10000000";
            }
            (name == "allocations" ? wanted.allocations : wanted.bandwidth_kbit_s) = value.get<std::uint32_t>();
        } else if (name == "policy") {
            if (value != "all" && value != "relay") return "policy must be all or relay";
            wanted.relay_peers_only = value == "relay";
        } else {
            return "\"" + name + "\" is not known here";
        }
    }
    const bool of_room = !wanted.room.empty() || !wanted.participant.empty();
    if (wanted.user.empty() != of_room || wanted.room.empty() != wanted.participant.empty()) {
        return "either user, or room and participant";
    }
    return {};
}

Response credentials(Service& service, const Request& request) {
    const auto body = body_object(request);
    if (!body) return bad("the body must be a JSON object");
    Wanted wanted;
    if (const std::string fault = read_wanted(*body, wanted); !fault.empty()) return bad(fault);

    using Issued = std::expected<Hub::IssuedElsewhere, Hub::IssueError>;
    const auto asked = service.ask<Issued>([wanted](Service::Inside in) {
        crypto::Capability can = in.hub.default_capability(wanted.room);
        if (wanted.allocations) can.allocations = wanted.allocations;
        if (wanted.bandwidth_kbit_s) can.bandwidth_kbit_s = wanted.bandwidth_kbit_s;
        if (wanted.relay_peers_only) can.relay_peers_only = *wanted.relay_peers_only;
        if (wanted.room.empty()) return in.hub.issue_for(wanted.user, can, wanted.ttl, in.at.wall);
        return in.hub.issue_for_room(wanted.room, wanted.participant, can, wanted.ttl, in.at.wall);
    });
    if (!asked) return not_in_time();
    const Issued& issued = *asked;
    if (!issued) {
        switch (issued.error()) {
            case Hub::IssueError::NoRelay: return Response::error(503, "turn_unavailable", "no relay is up");
            case Hub::IssueError::NoSecret: return Response::error(503, "turn_unavailable", "auth.secrets is empty");
            case Hub::IssueError::BadSubject: return bad("the subject does not fit into a username");
        }
    }
    const IceServers& ice = issued->ice;
    ordered_json servers = ordered_json::array();
    servers.push_back({{"urls", ice.urls}, {"username", ice.username}, {"credential", ice.credential}});
    return json({{"username", ice.username},
                 {"credential", ice.credential},
                 {"ttl_seconds", ice.ttl.count()},
                 {"expires_at", ops::rfc3339(ice.expires_at)},
                 {"ice_servers", std::move(servers)},
                 {"relay", issued->relay}});
}

}  // namespace

void add_health_routes(ops::Router& router, Service& service, const ops::Metrics& metrics) {
    router.add(Verb::Get, "/metrics", [&metrics](const ops::Request&) {
        return Response{200, metrics.text(), std::string{ops::Metrics::kContentType}};
    });
    router.add(Verb::Get, "/healthz", [](const ops::Request&) { return json({{"status", "ok"}}); });
    router.add(Verb::Get, "/readyz", [&service](const ops::Request&) {
        const auto health = service.ask<HttpApi::Health>([&service](Service::Inside) { return service.health(); });
        if (!health) return not_in_time();
        const HttpAnswer answer = ready_answer(*health);
        return Response{answer.status, answer.body, answer.content_type};
    });
}

void add_admin_routes(ops::Router& router, Service& service, const Clock& clock, const Identity& identity,
                      const ops::Metrics& metrics, std::string effective_config) {
    add_health_routes(router, service, metrics);
    router.add(Verb::Get, "/v1/node", [&](const ops::Request&) { return node(service, clock, identity); });
    router.add(Verb::Get, "/v1/rooms", [&](const ops::Request&) { return rooms(service); });
    router.add(Verb::Get, "/v1/rooms/{}", [&](const ops::Request& request) { return room(service, request.parameters.at(0)); });
    router.add(Verb::Get, "/v1/participants", [&](const ops::Request& request) { return participants(service, request); });
    router.add(Verb::Post, "/v1/participants/{}/kick", [&](const ops::Request& request) { return kick(service, request); });
    router.add(Verb::Post, "/v1/credentials", [&](const ops::Request& request) { return credentials(service, request); });
    router.add(Verb::Get, "/v1/config", [text = std::move(effective_config)](const ops::Request&) { return Response::text(text); });
}

}  // namespace turnpike::signaling
