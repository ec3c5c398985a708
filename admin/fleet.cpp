#include "admin/fleet.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace turnpike::admin {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// The places to look in, in order, and whether the caller insists on the first.
struct Search {
    std::vector<fs::path> folders;
    std::string told_by;  // "--runtime-dir", or empty
};

Search places(const Session& session, const World& world) {
    if (!session.globals.runtime_dir.empty()) return {{session.globals.runtime_dir}, "--runtime-dir"};
    if (const auto folder = world.variable("TURNPIKE_RUNTIME_DIR"); folder && !folder->empty()) {
        return {{*folder}, "TURNPIKE_RUNTIME_DIR"};
    }
    Search search{{"/run/turnpike"}, {}};
    if (const auto folder = world.variable("XDG_RUNTIME_DIR"); folder && !folder->empty()) {
        search.folders.push_back(fs::path{*folder} / "turnpike");
    }
    return search;
}

std::expected<std::vector<fs::path>, Failure> sockets_in(const fs::path& folder) {
    std::vector<fs::path> sockets;
    std::error_code error;
    fs::directory_iterator entries{folder, error};
    if (error == std::errc::permission_denied) {
        return std::unexpected(Failure{ExitCode::Permission, fmt::format("{} is not for you", folder.string()),
                                       "run as root or as the daemon's user"});
    }
    for (const fs::directory_iterator end; !error && entries != end; entries.increment(error)) {
        std::error_code unreadable;
        const fs::path socket = entries->path() / "admin.sock";
        if (fs::is_socket(socket, unreadable)) sockets.push_back(socket);
        else if (unreadable == std::errc::permission_denied) sockets.push_back(socket);  // its refusal is the answer
    }
    std::ranges::sort(sockets);
    return sockets;
}

}  // namespace

std::vector<const Node*> Fleet::of(std::string_view role) const {
    std::vector<const Node*> found;
    for (const Node& node : nodes) {
        if (node.role == role) found.push_back(&node);
    }
    return found;
}

std::expected<std::vector<fs::path>, Failure> find_sockets(const Session& session, const World& world) {
    if (!session.globals.sockets.empty()) {
        return std::vector<fs::path>{session.globals.sockets.begin(), session.globals.sockets.end()};
    }
    const Search search = places(session, world);
    std::string looked;
    for (const fs::path& folder : search.folders) {
        auto sockets = sockets_in(folder);
        if (!sockets) return sockets;
        if (!sockets->empty()) return sockets;
        looked += (looked.empty() ? "" : " or ") + folder.string();
    }
    return std::unexpected(Failure{
        ExitCode::Unreachable, fmt::format("no daemon's admin socket is below {}", looked),
        search.told_by.empty() ? "start turnpike-relay, or say where its sockets are with --runtime-dir DIR or --socket FILE"
                               : fmt::format("{} names the folder that holds relay/admin.sock; are the daemons running?", search.told_by)});
}

std::expected<Fleet, Failure> find_fleet(Session& session) {
    const auto sockets = find_sockets(session, session.world());
    if (!sockets) return std::unexpected(sockets.error());
    Fleet fleet;
    for (const fs::path& socket : *sockets) {
        AdminClient client{socket, session.timeout()};
        auto facts = client.get("/v1/node");
        if (!facts) {
            fleet.silent.push_back(facts.error());
            continue;
        }
        const auto text = [&](const char* key) {
            const auto found = facts->find(key);
            return found != facts->end() && found->is_string() ? found->get<std::string>() : std::string{};
        };
        fleet.nodes.push_back({std::move(client), text("id"), text("role"), facts->dump()});
    }
    if (fleet.nodes.empty()) return std::unexpected(fleet.silent.front());
    for (const Failure& failure : fleet.silent) session.warn(failure.message);
    return fleet;
}

std::expected<std::vector<const Node*>, Failure> need(const Fleet& fleet, std::string_view role) {
    auto nodes = fleet.of(role);
    if (!nodes.empty()) return nodes;
    return std::unexpected(Failure{ExitCode::Unreachable, fmt::format("no {} daemon answers here", role),
                                   fmt::format("start turnpike-{}, or name its socket with --socket FILE", role)});
}

}  // namespace turnpike::admin
