#include "turn/server/admin_routes.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/ops/time_text.hpp"

namespace turnpike::relay {
namespace {

using Json = nlohmann::ordered_json;
using ops::Request;
using ops::Response;
using ops::Verb;

constexpr std::size_t kListMax = 10'000;
constexpr std::size_t kSubjectBytesMax = 508, kReasonBytesMax = 256;
constexpr Seconds kRevocationMax = std::chrono::days{366};

Response json(const Json& value) {
    return Response::json(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

template <typename T>
std::optional<T> whole(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

Json traffic_json(const core::Traffic& traffic) {
    return {{"bytes_to_peer", traffic.bytes_to_peer},
            {"packets_to_peer", traffic.packets_to_peer},
            {"bytes_to_client", traffic.bytes_to_client},
            {"packets_to_client", traffic.packets_to_client}};
}

Json allocation_json(const Node& node, const core::AllocationSummary& a) {
    Json relayed = Json::array(), permissions = Json::array(), channels = Json::array();
    for (const Endpoint& endpoint : a.relayed) relayed.push_back(endpoint.to_string());
    const auto seconds = [](Milliseconds left) {
        return std::chrono::duration_cast<Seconds>(left).count();
    };
    for (const auto& p : a.permissions)
        permissions.push_back(
            {{"peer", p.peer.to_string()}, {"expires_in_seconds", seconds(p.left)}});
    for (const auto& c : a.channels)
        channels.push_back({{"number", c.number},
                            {"peer", c.peer.to_string()},
                            {"expires_in_seconds", seconds(c.left)}});
    return {{"id", std::to_string(a.id.value)},
            {"node", node.config.common.node_id},
            {"transport", to_string(a.tuple.transport)},
            {"client", a.tuple.client.to_string()},
            {"server", a.tuple.server.to_string()},
            {"relayed", std::move(relayed)},
            {"relayed_transport", a.protocol == core::RelayProtocol::Tcp ? "tcp" : "udp"},
            {"peer_connections", a.connections},
            {"username", a.username},
            {"subject", a.subject},
            {"realm", a.realm},
            {"age_seconds", a.age.count()},
            {"expires_in_seconds", a.left.count()},
            {"traffic", traffic_json(a.traffic)},
            {"permissions", std::move(permissions)},
            {"channels", std::move(channels)}};
}

Response show_node(Node& node) {
    const net::Snapshot snap = node.pool.snapshot();
    Json listeners = Json::array(), relays = Json::array();
    for (const net::Listener& l : node.listeners)
        listeners.push_back(
            {{"transport", l.transports()}, {"address", l.address.to_string()}});
    for (const auto& a : node.pool.relays().addresses())
        relays.push_back({{"local", a.local.to_string()}, {"external", a.external.to_string()}});
    const std::size_t limit = node.config.net.core.allocations_total
                                  ? node.config.net.core.allocations_total
                                  : snap.ports_capacity;
    return json({{"id", node.config.common.node_id},
                 {"boot_id", node.boot_id},
                 {"role", "relay"},
                 {"state", "active"},
                 {"version", TURNPIKE_VERSION},
                 {"pid", ::getpid()},
                 {"started_at", ops::rfc3339(node.started_at)},
                 {"uptime_seconds",
                  std::chrono::duration_cast<Seconds>(node.clock.now() - node.started).count()},
                 {"workers", node.pool.workers()},
                 {"io_engine",
                  {{"name", to_string(node.pool.engine())}, {"why", node.pool.engine_why()}}},
                 {"realm", node.config.realm},
                 {"urls", node.urls},
                 {"listeners", std::move(listeners)},
                 {"relay_addresses", std::move(relays)},
                 {"labels", node.config.labels},
                 {"capacity", node.config.capacity},
                 {"allocations",
                  {{"active", snap.allocations},
                   {"limit", limit},
                   {"opened_total", snap.counters.allocations_opened}}},
                 {"ports", {{"used", snap.ports_used}, {"capacity", snap.ports_capacity}}},
                 {"traffic", traffic_json(snap.counters.traffic)},
                 {"stream_sessions", snap.stream_sessions},
                 {"load", node.load_now(snap)}});
}

Response list_allocations(Node& node, const Request& request) {
    std::size_t limit = 1000;
    if (const auto given = request.query.find("limit"); given != request.query.end()) {
        const auto number = whole<std::size_t>(given->second);
        if (!number || *number == 0 || *number > kListMax)
            return Response::error(400, "bad_request", "limit must be between 1 and 10000");
        limit = *number;
    }
    core::AllocationFilter filter;
    if (const auto subject = request.query.find("subject"); subject != request.query.end()) filter.subject = subject->second;
    Json items = Json::array();
    for (const auto& allocation : node.pool.allocations(filter, limit)) {
        items.push_back(allocation_json(node, allocation));
    }
    return json({{"items", std::move(items)}});
}

Response no_allocation(const std::string& id) {
    return Response::error(404, "not_found", "no allocation " + id + " on this node");
}

Response show_allocation(Node& node, const Request& request) {
    const auto id = whole<std::uint64_t>(request.parameters[0]);
    if (id) {
        core::AllocationFilter filter;
        filter.id = core::AllocationId{*id};
        for (const auto& allocation : node.pool.allocations(filter, 1)) {
            return json(allocation_json(node, allocation));
        }
    }
    return no_allocation(request.parameters[0]);
}

/// One audit line for each change an administrator makes.
void audit(Node& node, const Request& request, std::string_view event, std::string_view what,
           std::string_view reason, std::size_t ended) {
    node.log.info(event, {{"uid", request.peer ? request.peer->uid : 0U},
                          {"pid", request.peer ? request.peer->pid : 0},
                          {"what", what},
                          {"reason", reason},
                          {"ended", ended}});
}

Response kill_allocation(Node& node, const Request& request) {
    const auto id = whole<std::uint64_t>(request.parameters[0]);
    const std::size_t killed =
        id ? node.pool.kill(core::AllocationId{*id}, core::CloseReason::Killed) : 0;
    if (killed == 0) return no_allocation(request.parameters[0]);
    audit(node, request, "admin.allocation_killed", request.parameters[0], {}, killed);
    return json({{"killed", killed}});
}

Response revoke(Node& node, const Request& request) {
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object())
        return Response::error(400, "bad_request", "the body must be a JSON object");
    const auto text = [&](const char* key) -> std::optional<std::string> {
        const auto found = body.find(key);
        if (found == body.end()) return std::string{};
        if (!found->is_string()) return {};
        return found->get<std::string>();
    };
    const auto subject = text("subject"), realm = text("realm"), reason = text("reason");
    if (!subject || subject->empty() || subject->size() > kSubjectBytesMax)
        return Response::error(400, "bad_request", "subject must be a string of 1 to 508 bytes");
    if (!realm) return Response::error(400, "bad_request", "realm must be a string");
    if (!reason || reason->size() > kReasonBytesMax)
        return Response::error(400, "bad_request", "reason must be a string of at most 256 bytes");
    const auto until = body.find("until");
    if (until == body.end() || !until->is_number_integer())
        return Response::error(400, "bad_request",
                               "until must be an integer, Unix time in seconds");
    const WallTime now = node.clock.wall();
    const auto seconds = until->get<std::int64_t>();
    if (seconds <= unix_seconds(now) || seconds > unix_seconds(now) + kRevocationMax.count()) {
        return Response::error(400, "bad_request",
                               "until must be in the future, by at most a year");
    }

    // A subject is known by its realm; without one, the subject is meant wherever it comes from.
    const std::vector<std::string> realms =
        realm->empty() ? node.config.realms() : std::vector<std::string>{*realm};
    std::size_t ended = 0;
    std::string failure;
    for (const std::string& each : realms) {
        const core::Revocations::Entry entry{each, *subject, from_unix_seconds(seconds)};
        // Done before it is kept: somebody is waiting for the relaying to end.
        ended += node.pool.revoke(each, *subject, entry.until);
        if (const auto kept = node.revocations.append(entry, *reason); !kept)
            failure = kept.error();
    }
    audit(node, request, "admin.revoked", *subject, *reason, ended);
    if (!failure.empty()) {
        node.log.error("revocations.not_kept", {{"reason", failure}});
        return Response::error(500, "not_kept",
                               "revoked, but a restart will forget it: " + failure);
    }
    return json({{"ended", ended}});
}

Response list_revocations(Node& node) {
    Json items = Json::array();
    for (const auto& entry : node.pool.revocations()) {
        items.push_back({{"realm", entry.realm},
                         {"subject", entry.subject},
                         {"until", unix_seconds(entry.until)}});
    }
    return json({{"items", std::move(items)}});
}

}  // namespace

void add_admin_routes(ops::Router& router, Node& node, const ops::Metrics& metrics) {
    router.add(Verb::Get, "/v1/node", [&node](const Request&) { return show_node(node); });
    router.add(Verb::Get, "/v1/allocations",
               [&node](const Request& r) { return list_allocations(node, r); });
    router.add(Verb::Get, "/v1/allocations/{}",
               [&node](const Request& r) { return show_allocation(node, r); });
    router.add(Verb::Delete, "/v1/allocations/{}",
               [&node](const Request& r) { return kill_allocation(node, r); });
    router.add(Verb::Post, "/v1/revocations",
               [&node](const Request& r) { return revoke(node, r); });
    router.add(Verb::Get, "/v1/revocations",
               [&node](const Request&) { return list_revocations(node); });
    router.add(Verb::Get, "/v1/config",
               [&node](const Request&) { return Response::text(node.effective_config); });
    add_public_routes(router, node, metrics);
}

void add_public_routes(ops::Router& router, Node& node, const ops::Metrics& metrics) {
    router.add(Verb::Get, "/metrics", [&metrics](const Request&) {
        return Response{200, metrics.text(), std::string{ops::Metrics::kContentType}};
    });
    const auto health = [&node](const Request&) {
        if (!node.alive(node.pool.snapshot()))
            return Response::error(503, "stuck", "a worker's loop does not turn");
        return Response::json(R"({"status":"ok"})");
    };
    router.add(Verb::Get, "/healthz", health);
    router.add(Verb::Get, "/readyz", health);
}

}  // namespace turnpike::relay
