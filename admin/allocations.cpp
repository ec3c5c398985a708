#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/fleet.hpp"
#include "admin/nouns.hpp"
#include "admin/output.hpp"
#include "admin/units.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

const std::vector<Column> kColumns{
    {"ID", "/id"},
    {"NODE", "/node"},
    {"SUBJECT", "/subject"},
    {"TRANSPORT", "/transport"},
    {"CLIENT", "/client"},
    {"RELAYED", "/relayed", Style::List},
    {"PEERS", "/permissions", Style::Length},
    {"TO PEERS", "/traffic/bytes_to_peer", Style::Bytes},
    {"TO CLIENT", "/traffic/bytes_to_client", Style::Bytes},
    {"AGE", "/age_seconds", Style::Duration},
    {"EXPIRES", "/expires_in_seconds", Style::Duration},
};

struct Filter {
    std::string subject, node;
    unsigned limit = 1000;
};

// "relay-1/17" or "17": an id counts on one node only.
struct AllocationName {
    std::string node, id;
    static AllocationName parse(const std::string& text) {
        const std::size_t slash = text.rfind('/');
        if (slash == std::string::npos) return {{}, text};
        return {text.substr(0, slash), text.substr(slash + 1)};
    }
};

struct Found {
    const Node* relay;
    Json allocation;
};

std::expected<Found, Failure> find(const std::vector<const Node*>& relays, const std::string& text) {
    const auto name = AllocationName::parse(text);
    std::vector<Found> found;
    for (const Node* relay : relays) {
        if (!name.node.empty() && relay->id != name.node) continue;
        auto answer = relay->client.get("/v1/allocations/" + url_escaped(name.id));
        if (answer) found.push_back({relay, std::move(*answer)});
        else if (answer.error().code != ExitCode::NotFound) return std::unexpected(answer.error());
    }
    if (found.empty()) {
        return std::unexpected(Failure{ExitCode::NotFound, fmt::format("there is no allocation '{}'", text),
                                       "it may have ended; turnpike allocations list shows which there are"});
    }
    if (found.size() > 1) {
        return std::unexpected(Failure{ExitCode::Precondition, fmt::format("{} nodes have an allocation {}", found.size(), name.id),
                                       fmt::format("say which: {}/{}", found.front().relay->id, name.id)});
    }
    return std::move(found.front());
}

void list(Session& session, const Filter& filter) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto relays = need(*fleet, "relay");
    if (!relays) return session.fail(relays.error());

    std::string target = fmt::format("/v1/allocations?limit={}", filter.limit);
    if (!filter.subject.empty()) target += "&subject=" + url_escaped(filter.subject);
    std::vector<Json> items;
    auto errors = fleet->silent;
    bool known = filter.node.empty();
    for (const Node* relay : *relays) {
        if (!filter.node.empty() && relay->id != filter.node) continue;
        known = true;
        const auto answer = relay->client.get(target);
        if (!answer) {
            session.warn(answer.error().message);
            errors.push_back(answer.error());
            continue;
        }
        for (const Json& item : answer->value("items", Json::array())) items.push_back(item);
    }
    if (!known) {
        return session.fail({ExitCode::NotFound, fmt::format("there is no relay '{}' here", filter.node), "turnpike nodes list shows which there are"});
    }
    if (items.size() > filter.limit) items.resize(filter.limit);
    write(session, *format, {"AllocationList", kColumns, items, "No allocations: nobody relays anything now.", errors});
}

void show(Session& session, const std::string& text) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto relays = need(*fleet, "relay");
    if (!relays) return session.fail(relays.error());
    const auto found = find(*relays, text);
    if (!found) return session.fail(found.error());
    write_one(session, *format, "Allocation", found->allocation);
}

const std::vector<Column> kKilledColumns{
    {"ID", "/id"}, {"NODE", "/node"}, {"SUBJECT", "/subject"}, {"CLIENT", "/client"}, {"RESULT", "/result"}};

void kill(Session& session, const std::vector<std::string>& names) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto relays = need(*fleet, "relay");
    if (!relays) return session.fail(relays.error());

    // All are looked up before the first is killed, so that the question tells the whole.
    std::vector<Found> victims;
    for (const std::string& name : names) {
        auto found = find(*relays, name);
        if (!found) return session.fail(found.error());
        victims.push_back(std::move(*found));
    }
    const auto& first = victims.front();
    const std::string what =
        victims.size() == 1 ? fmt::format("Kill allocation {} of {} on {}", first.allocation.value("id", ""),
                                          first.allocation.value("subject", "?"), first.relay->id)
                            : fmt::format("Kill {} allocations", victims.size());
    if (const auto yes = session.confirm(what); !yes) return session.fail(yes.error());

    std::vector<Json> items;
    std::size_t killed = 0;
    for (const Found& victim : victims) {
        Json item{{"id", victim.allocation.value("id", "")},
                  {"node", victim.relay->id},
                  {"subject", victim.allocation.value("subject", "")},
                  {"client", victim.allocation.value("client", "")}};
        if (session.globals.dry_run) {
            item["result"] = "would be killed";
            ++killed;
        } else if (const auto answer = victim.relay->client.remove("/v1/allocations/" + url_escaped(item["id"].get<std::string>()))) {
            item["result"] = "killed";
            ++killed;
        } else {
            item["result"] = answer.error().code == ExitCode::NotFound ? "had ended already" : answer.error().message;
            session.warn(fmt::format("{}: {}", item["id"].get<std::string>(), item["result"].get<std::string>()));
        }
        items.push_back(std::move(item));
    }
    write(session, *format, {"AllocationKillList", kKilledColumns, items, ""});
    if (killed < victims.size()) session.finish(killed == 0 ? ExitCode::Failed : ExitCode::Partial);
}

}  // namespace

void add_allocations(CLI::App& app, Session& session) {
    CLI::App* allocations = app.add_subcommand("allocations", "what the relays relay, and for whom")
                                ->alias("allocation")->alias("alloc")->require_subcommand(1);

    CLI::App* all = allocations->add_subcommand("list", "live allocations");
    const auto filter = std::make_shared<Filter>();
    all->add_option("--subject", filter->subject, "only of this subject (a username without expiry and limits)")->type_name("TEXT");
    all->add_option("--node", filter->node, "only of this relay")->type_name("NODE");
    all->add_option("--limit", filter->limit, "at most so many")->capture_default_str()->check(CLI::Range(1, 10000));
    all->footer("Examples:\n  turnpike allocations list\n  turnpike allocations list --subject alice -o json\n"
                "  turnpike allocations list -o name | head");
    all->callback([&session, filter] { list(session, *filter); });

    CLI::App* one = allocations->add_subcommand("show", "one allocation, with its permissions and channels");
    const auto id = std::make_shared<std::string>();
    one->add_option("ID", *id, "as the list has it; NODE/ID where several nodes have it")->required();
    one->footer("Example:\n  turnpike allocations show 17");
    one->callback([&session, id] { show(session, *id); });

    CLI::App* end = allocations->add_subcommand("kill", "end allocations; their clients may make new ones");
    const auto ids = std::make_shared<std::vector<std::string>>();
    end->add_option("ID", *ids, "as the list has them")->required();
    end->footer("A client that still has a good credential comes back: to keep someone out, kick the participant.\n\n"
                "Examples:\n  turnpike allocations kill 17\n  turnpike allocations kill --yes $(turnpike allocations list --subject alice -o name)");
    end->callback([&session, ids] { kill(session, *ids); });
}

}  // namespace turnpike::admin
