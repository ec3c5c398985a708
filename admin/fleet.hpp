#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin_client.hpp"
#include "admin/failure.hpp"
#include "admin/session.hpp"

namespace turnpike::admin {

/// One daemon that answered.
struct Node {
    AdminClient client;
    std::string id, role;  // role: "relay" or "signaling"
    std::string facts;     // GET /v1/node, as JSON text
};

/// The daemons of this machine: those whose sockets were found or given, and those of them that do
/// not answer.
struct Fleet {
    std::vector<Node> nodes;
    std::vector<Failure> silent;

    std::vector<const Node*> of(std::string_view role) const;
};

/// --socket, else */admin.sock below --runtime-dir, $TURNPIKE_RUNTIME_DIR, /run/turnpike and
/// $XDG_RUNTIME_DIR/turnpike, the first of these that is given or there.
std::expected<std::vector<std::filesystem::path>, Failure> find_sockets(const Session& session, const World& world);

/// Asks each socket who it is. Fails when nobody answers; some that do not are warned of.
std::expected<Fleet, Failure> find_fleet(Session& session);

/// The nodes of a role, or the failure that says how to get one.
std::expected<std::vector<const Node*>, Failure> need(const Fleet& fleet, std::string_view role);

}  // namespace turnpike::admin
