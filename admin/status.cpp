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

constexpr std::size_t kRoomsShown = 8;
constexpr double kFull = 0.8;

struct Overview {
    std::vector<Json> relays, signaling, rooms;
    std::vector<Failure> silent;
};

std::uint64_t number(const Json& item, const char* pointer) {
    const Json::json_pointer path{pointer};
    return item.contains(path) && item.at(path).is_number() ? item.at(path).get<std::uint64_t>() : 0;
}

std::expected<Overview, Failure> look(Session& session) {
    const auto sockets = find_fleet(session);
    if (!sockets) return std::unexpected(sockets.error());
    Overview overview;
    overview.silent = sockets->silent;
    for (const Node& node : sockets->nodes) {
        Json facts = Json::parse(node.facts);
        if (!facts.contains("state")) facts["state"] = "active";
        if (node.role != "signaling") {
            overview.relays.push_back(std::move(facts));
            continue;
        }
        overview.signaling.push_back(std::move(facts));
        const auto rooms = node.client.get("/v1/rooms");
        if (!rooms) {
            session.warn(rooms.error().message);
            overview.silent.push_back(rooms.error());
            continue;
        }
        for (const Json& room : rooms->value("items", Json::array())) overview.rooms.push_back(room);
    }
    return overview;
}

class Screen {
public:
    Screen(Session& session, const Overview& overview)
        : overview_(overview), out_(session.world().out), colors_(session.world().out_is_terminal && session.colors()) {}

    void draw() {
        const auto hints = trouble();
        headline(hints.empty());
        relays();
        signaling();
        rooms();
        for (const std::string& hint : hints) out_ << '\n' << paint("!", "33") << ' ' << printable(hint);
        if (!hints.empty()) out_ << '\n';
        out_ << '\n' << paint("Next  ", "2") << next() << '\n';
    }

private:
    std::string paint(std::string_view text, std::string_view color) const {
        return colors_ ? fmt::format("\x1b[{}m{}\x1b[0m", color, text) : std::string{text};
    }
    std::string heading(std::string_view text) const { return '\n' + paint(text, "1") + '\n'; }
    static std::string count(std::uint64_t number, std::string_view one, std::string_view many) {
        return fmt::format("{} {}", number, number == 1 ? one : many);
    }

    void headline(bool well) {
        std::uint64_t allocations = 0, people = 0;
        for (const Json& relay : overview_.relays) allocations += number(relay, "/allocations/active");
        for (const Json& daemon : overview_.signaling) people += number(daemon, "/participants");
        out_ << paint(well ? "●" : "▲", well ? "32" : "33") << ' ' << paint("Turnpike", "1") << "  "
             << count(overview_.relays.size(), "relay", "relays") << ", " << overview_.signaling.size() << " signaling · "
             << count(allocations, "allocation", "allocations") << " · " << count(overview_.rooms.size(), "room", "rooms") << ", "
             << count(people, "participant", "participants") << " · " << (well ? "all is well" : "needs a look") << '\n';
    }

    // ██████░░░░ 58 %
    std::string bar(double share) const {
        constexpr int kCells = 10;
        share = std::clamp(share, 0.0, 1.0);
        const int full = static_cast<int>(share * kCells + 0.5);
        std::string cells;
        for (int i = 0; i < kCells; ++i) cells += i < full ? "█" : "░";
        return fmt::format("{} {:3.0f} %", paint(cells, share >= kFull ? "31" : share >= 0.5 ? "33" : "32"), share * 100);
    }
    static std::string of(std::uint64_t used, std::uint64_t limit) {
        return limit > 0 ? fmt::format("{} of {}", used, limit) : std::to_string(used);
    }

    void relays() {
        if (overview_.relays.empty()) return;
        out_ << heading("Relays");
        for (const Json& relay : overview_.relays) {
            out_ << fmt::format("  {}  {}  up {}  realm {}  {} workers  version {}\n", paint(printable(relay.value("id", "?")), "1"),
                                state(relay.value("state", "?")), human_duration(static_cast<std::int64_t>(number(relay, "/uptime_seconds"))),
                                printable(relay.value("realm", "?")), number(relay, "/workers"), printable(relay.value("version", "?")));
            out_ << fmt::format("    load         {}\n", bar(relay.value("load", 0.0)));
            const Json engine = relay.value("io_engine", Json::object());
            if (engine.contains("name")) {
                out_ << fmt::format("    io engine    {}: {}\n", printable(engine.value("name", "?")), printable(engine.value("why", "?")));
            }
            out_ << fmt::format("    allocations  {} live, {} since the start\n",
                                of(number(relay, "/allocations/active"), number(relay, "/allocations/limit")), number(relay, "/allocations/opened_total"));
            out_ << fmt::format("    relay ports  {} in use\n", of(number(relay, "/ports/used"), number(relay, "/ports/capacity")));
            out_ << fmt::format("    relayed      {} to peers, {} to clients\n", human_bytes(number(relay, "/traffic/bytes_to_peer")),
                                human_bytes(number(relay, "/traffic/bytes_to_client")));
            std::string urls;
            for (const Json& url : relay.value("urls", Json::array())) urls += (urls.empty() ? "" : "  ") + url.get<std::string>();
            if (!urls.empty()) out_ << "    urls         " << printable(urls) << '\n';
        }
    }
    std::string state(const std::string& name) const { return paint("● " + printable(name), name == "active" ? "32" : "33"); }

    void signaling() {
        if (overview_.signaling.empty()) return;
        out_ << heading("Signaling");
        for (const Json& daemon : overview_.signaling) {
            out_ << fmt::format("  {}  {}  up {}  version {}\n", paint(printable(daemon.value("id", "?")), "1"), state(daemon.value("state", "active")),
                                human_duration(static_cast<std::int64_t>(number(daemon, "/uptime_seconds"))), printable(daemon.value("version", "?")));
            out_ << fmt::format("    page         {}\n", printable(daemon.value("address", "?")));
            out_ << fmt::format("    calls        {}, {}, {}\n", count(number(daemon, "/rooms"), "room", "rooms"),
                                count(number(daemon, "/participants"), "participant", "participants"), count(number(daemon, "/sessions"), "session", "sessions"));
            std::string relays;
            for (const Json& relay : daemon.value("relays", Json::array())) {
                relays += fmt::format("{}{} {}", relays.empty() ? "" : ", ", relay.value("id", relay.value("socket", "?")), relay.value("state", "?"));
            }
            out_ << "    its relays   " << (relays.empty() ? "none" : printable(relays)) << '\n';
        }
    }

    void rooms() {
        if (overview_.rooms.empty()) return;
        out_ << heading("Rooms");
        std::vector<std::vector<std::string>> rows;
        for (const Json& room : overview_.rooms) {
            if (rows.size() == kRoomsShown) break;
            rows.push_back({printable(room.value("room", "?")), of(number(room, "/members"), number(room, "/max")) + " members",
                            "on " + printable(room.value("relay", "?")), printable(room.value("name", ""))});
        }
        out_ << aligned(rows, "  ");
        if (overview_.rooms.size() > rows.size()) out_ << fmt::format("  and {} more\n", overview_.rooms.size() - rows.size());
    }

    // What an administrator should know and do, worst first.
    std::vector<std::string> trouble() const {
        std::vector<std::string> hints;
        for (const Failure& failure : overview_.silent) {
            hints.push_back(failure.message + (failure.fix.empty() ? "" : ": " + failure.fix));
        }
        if (overview_.relays.empty()) hints.emplace_back("no relay answers here: calls that need one will not connect");
        for (const Json& daemon : overview_.signaling) {
            for (const Json& relay : daemon.value("relays", Json::array())) {
                if (relay.value("state", "") == "active") continue;
                hints.push_back(fmt::format("signaling has lost relay {} ({}): is it running, may signaling open its socket?",
                                            relay.value("id", "?"), relay.value("socket", "?")));
            }
            if (daemon.value("relays", Json::array()).empty()) {
                hints.emplace_back("signaling knows no relay: set relays = [\"/run/turnpike/relay/admin.sock\"] in signaling.toml");
            }
        }
        for (const Json& relay : overview_.relays) {
            const std::string id = relay.value("id", "?");
            if (crowded(number(relay, "/ports/used"), number(relay, "/ports/capacity"))) {
                hints.push_back(fmt::format("relay {} runs out of relay ports: widen relay.min_port to relay.max_port, or add an address", id));
            }
            if (crowded(number(relay, "/allocations/active"), number(relay, "/allocations/limit"))) {
                hints.push_back(fmt::format("relay {} nears quota.total: raise it, or add a relay", id));
            }
        }
        return hints;
    }
    static bool crowded(std::uint64_t used, std::uint64_t limit) {
        return limit > 0 && static_cast<double>(used) >= kFull * static_cast<double>(limit);
    }

    std::string next() const {
        if (!overview_.rooms.empty()) return "turnpike rooms show " + printable(overview_.rooms.front().value("room", ""));
        for (const Json& relay : overview_.relays) {
            if (number(relay, "/allocations/active") > 0) return "turnpike allocations list";
        }
        return overview_.signaling.empty() ? "turnpike nodes list" : "turnpike credentials mint --user alice -o uclient";
    }

    const Overview& overview_;
    std::ostream& out_;
    bool colors_;
};

const std::vector<Column> kColumns{
    {"ROLE", "/role"},   {"NODE", "/id"},   {"STATE", "/state"}, {"VERSION", "/version"}, {"UP", "/uptime_seconds"}, {"ALLOCATIONS", "/allocations/active"},
    {"ROOMS", "/rooms"}, {"PARTICIPANTS", "/participants"}, {"LOAD", "/load"},
};

void status(Session& session) {
    const auto format = format_of(session);
    if (!format) return session.fail(format.error());
    const auto overview = look(session);
    if (!overview) return session.fail(overview.error());
    if (*format == Format::Table) {
        Screen{session, *overview}.draw();
        if (!overview->silent.empty()) session.finish(ExitCode::Partial);
        return;
    }
    std::vector<Json> items = overview->relays;
    items.insert(items.end(), overview->signaling.begin(), overview->signaling.end());
    write(session, *format, {"Status", kColumns, items, "", overview->silent});
}

}  // namespace

void add_status(CLI::App& app, Session& session) {
    CLI::App* screen = app.add_subcommand("status", "one screen: relays, signaling, rooms, and what wants a look");
    screen->footer("Examples:\n  turnpike status\n  watch -c turnpike status -o table\n  turnpike status -o json");
    screen->callback([&session] { status(session); });
}

}  // namespace turnpike::admin
