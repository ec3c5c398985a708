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
    {"ROOM", "/room"},       {"NAME", "/name"},   {"VISIBILITY", "/visibility"}, {"MEMBERS", "/members"},
    {"MAX", "/max"},         {"RELAY", "/relay"}, {"CREATED", "/created_at"},
};
const std::vector<Column> kMemberColumns{
    {"PARTICIPANT", "/id"}, {"NAME", "/name"}, {"KIND", "/kind"}, {"LINK", "/link"}, {"MUTED", "/muted"}, {"JOINED", "/joined_at"},
};

void list(Session& session) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto daemons = need(*fleet, "signaling");
    if (!daemons) return session.fail(daemons.error());
    std::vector<Json> items;
    auto errors = fleet->silent;
    for (const Node* daemon : *daemons) {
        const auto answer = daemon->client.get("/v1/rooms");
        if (!answer) {
            session.warn(answer.error().message);
            errors.push_back(answer.error());
            continue;
        }
        for (const Json& item : answer->value("items", Json::array())) items.push_back(item);
    }
    write(session, *format, {"RoomList", kColumns, items, "No rooms: nobody is in a call now.", errors});
}

void show(Session& session, const std::string& room) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto fleet = find_fleet(session);
    if (!fleet) return session.fail(fleet.error());
    const auto daemons = need(*fleet, "signaling");
    if (!daemons) return session.fail(daemons.error());
    for (const Node* daemon : *daemons) {
        auto answer = daemon->client.get("/v1/rooms/" + url_escaped(room));
        if (!answer && answer.error().code == ExitCode::NotFound) continue;
        if (!answer) return session.fail(answer.error());
        if (*format != Format::Table) return write_one(session, *format, "Room", *answer);
        // On a terminal the members are a table of their own.
        const auto members = answer->value("participants", std::vector<Json>{});
        answer->erase("participants");
        write_one(session, *format, "Room", *answer);
        session.world().out << '\n';
        return write(session, *format, {"ParticipantList", kMemberColumns, members, "Nobody is in it."});
    }
    session.fail({ExitCode::NotFound, fmt::format("there is no room '{}'", room), "turnpike rooms list shows which there are"});
}

}  // namespace

void add_rooms(CLI::App& app, Session& session) {
    CLI::App* rooms = app.add_subcommand("rooms", "calls, and who is in them")->alias("room")->require_subcommand(1);
    CLI::App* all = rooms->add_subcommand("list", "every room");
    all->footer("Examples:\n  turnpike rooms list\n  turnpike rooms list -o json");
    all->callback([&session] { list(session); });
    CLI::App* one = rooms->add_subcommand("show", "a room and its members");
    const auto room = std::make_shared<std::string>();
    one->add_option("ROOM", *room, "its id, the end of its link")->required();
    one->footer("Example:\n  turnpike rooms show standup");
    one->callback([&session, room] { show(session, *room); });
}

}  // namespace turnpike::admin
