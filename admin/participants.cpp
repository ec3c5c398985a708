#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "admin/fleet.hpp"
#include "admin/nouns.hpp"
#include "admin/output.hpp"

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;

const std::vector<Column> kColumns{
    {"ID", "/id"},         {"ROOM", "/room"},   {"NAME", "/name"},         {"KIND", "/kind"},
    {"LINK", "/link"},     {"MUTED", "/muted"}, {"SESSION", "/session_state"}, {"SUBJECT", "/subject"},
    {"JOINED", "/joined_at"},
};
const std::vector<Column> kKickedColumns{
    {"ID", "/id"}, {"ROOM", "/room"}, {"NAME", "/name"}, {"ALLOCATIONS ENDED", "/allocations_ended"}, {"RESULT", "/result"}};

struct Found {
    const Node* daemon;
    Json participant;
};

// Everybody, or those of one room; a daemon that does not answer is an error of the listing.
std::vector<Found> everybody(Session& session, const std::vector<const Node*>& daemons, const std::string& room,
                             std::vector<Failure>& errors) {
    const std::string target = room.empty() ? "/v1/participants" : "/v1/participants?room=" + url_escaped(room);
    std::vector<Found> found;
    for (const Node* daemon : daemons) {
        const auto answer = daemon->client.get(target);
        if (!answer) {
            session.warn(answer.error().message);
            errors.push_back(answer.error());
            continue;
        }
        for (const Json& item : answer->value("items", Json::array())) found.push_back({daemon, item});
    }
    return found;
}

void list(Session& session, const std::string& room) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto daemons = need(*fleet, "signaling");
    if (!daemons) return session.fail(daemons.error());
    auto errors = fleet->silent;
    std::vector<Json> items;
    for (Found& each : everybody(session, *daemons, room, errors)) items.push_back(std::move(each.participant));
    write(session, *format, {"ParticipantList", kColumns, items, "Nobody is in a call now.", errors});
}

void kick(Session& session, const std::vector<std::string>& ids, const std::string& reason) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto daemons = need(*fleet, "signaling");
    if (!daemons) return session.fail(daemons.error());

    std::vector<Failure> errors;
    const auto present = everybody(session, *daemons, {}, errors);
    std::vector<const Found*> chosen;
    for (const std::string& id : ids) {
        const auto found = std::ranges::find_if(present, [&](const Found& each) { return each.participant.value("id", "") == id; });
        if (found == present.end()) {
            if (!errors.empty()) return session.fail(errors.front());
            return session.fail({ExitCode::NotFound, fmt::format("there is no participant '{}'", id),
                                 "turnpike participants list shows who is there"});
        }
        chosen.push_back(&*found);
    }
    const Json& first = chosen.front()->participant;
    const std::string what = chosen.size() == 1 ? fmt::format("Kick {} out of room {}", first.value("name", ids.front()), first.value("room", "?"))
                                                : fmt::format("Kick {} participants", chosen.size());
    if (const auto yes = session.confirm(what); !yes) return session.fail(yes.error());

    std::vector<Json> items;
    std::size_t kicked = 0;
    for (const Found* each : chosen) {
        const std::string id = each->participant.value("id", "");
        Json item{{"id", id}, {"room", each->participant.value("room", "")}, {"name", each->participant.value("name", "")}};
        if (session.globals.dry_run) {
            item["result"] = "would be kicked";
            ++kicked;
        } else if (const auto answer = each->daemon->client.post("/v1/participants/" + url_escaped(id) + "/kick", {{"reason", reason}})) {
            item["allocations_ended"] = answer->value("allocations_ended", 0);
            item["result"] = "kicked";
            ++kicked;
        } else {
            item["result"] = answer.error().code == ExitCode::NotFound ? "had left already" : answer.error().message;
            session.warn(fmt::format("{}: {}", id, item["result"].get<std::string>()));
        }
        items.push_back(std::move(item));
    }
    write(session, *format, {"ParticipantKickList", kKickedColumns, items, ""});
    if (kicked < chosen.size()) session.finish(kicked == 0 ? ExitCode::Failed : ExitCode::Partial);
}

}  // namespace

void add_participants(CLI::App& app, Session& session) {
    CLI::App* participants = app.add_subcommand("participants", "the people and bots in calls")
                                 ->alias("participant")->require_subcommand(1);
    CLI::App* all = participants->add_subcommand("list", "who is in which room");
    const auto room = std::make_shared<std::string>();
    all->add_option("--room", *room, "only of this room")->type_name("ROOM");
    all->footer("Examples:\n  turnpike participants list\n  turnpike participants list --room standup -o name");
    all->callback([&session, room] { list(session, *room); });

    CLI::App* out = participants->add_subcommand("kick", "remove participants and end their relaying at once");
    const auto ids = std::make_shared<std::vector<std::string>>();
    const auto reason = std::make_shared<std::string>("removed by an administrator");
    out->add_option("ID", *ids, "as the list has them")->required();
    out->add_option("--reason", *reason, "what the log and the others are told")->type_name("TEXT")->capture_default_str();
    out->footer("Their credentials are revoked on every relay, so they cannot come back with them.\n\n"
                "Examples:\n  turnpike participants kick p7f3\n  turnpike participants kick --yes --reason spam p7f3 p81c");
    out->callback([&session, ids, reason] { kick(session, *ids, *reason); });
}

}  // namespace turnpike::admin
