#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "admin/fleet.hpp"
#include "admin/nouns.hpp"
#include "admin/output.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

const std::vector<Column> kColumns{
    {"NODE", "/id"},
    {"ROLE", "/role"},
    {"STATE", "/state"},
    {"UP", "/uptime_seconds", Style::Duration},
    {"ALLOCATIONS", "/allocations/active"},
    {"LIMIT", "/allocations/limit", Style::Limit},
    {"PORTS", "/ports/used"},
    {"OF", "/ports/capacity"},
    {"TO PEERS", "/traffic/bytes_to_peer", Style::Bytes},
    {"TO CLIENTS", "/traffic/bytes_to_client", Style::Bytes},
    {"ROOMS", "/rooms"},
    {"PARTICIPANTS", "/participants"},
    {"LOAD", "/load", Style::Percent},
    {"VERSION", "/version"},
    {"ENGINE", "/io_engine/name"},
};

void list(Session& session) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    std::vector<Json> items;
    for (const Node& node : fleet->nodes) {
        Json item = Json::parse(node.facts);
        if (!item.contains("state")) item["state"] = "active";
        item["socket"] = node.client.socket().string();
        items.push_back(std::move(item));
    }
    write(session, *format, {"NodeList", kColumns, items, "", fleet->silent});
}

void show(Session& session, const std::string& id) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    bool found = false;
    for (const Node& node : fleet->nodes) {
        if (node.id != id && node.role != id) continue;
        found = true;
        write_one(session, *format, "Node", Json::parse(node.facts));
    }
    if (!found) session.fail({ExitCode::NotFound, "there is no node '" + id + "' here", "turnpike nodes list shows which there are"});
}

}  // namespace

void add_nodes(CLI::App& app, Session& session) {
    CLI::App* nodes = app.add_subcommand("nodes", "relays and signaling daemons")->alias("node")->require_subcommand(1);
    CLI::App* all = nodes->add_subcommand("list", "every daemon that answers, with its load");
    all->footer("Examples:\n  turnpike nodes list\n  turnpike nodes list -o json | jq '.items[] | {id, load}'");
    all->callback([&session] { list(session); });
    CLI::App* one = nodes->add_subcommand("show", "all that a daemon says of itself");
    const auto id = std::make_shared<std::string>();
    one->add_option("NODE", *id, "its id; or relay, signaling")->required();
    one->footer("Example:\n  turnpike nodes show relay");
    one->callback([&session, id] { show(session, *id); });
}

}  // namespace turnpike::admin
