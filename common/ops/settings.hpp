#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/endpoint.hpp"
#include "common/config/document.hpp"
#include "common/ops/client_ip.hpp"
#include "common/ops/log.hpp"

namespace turnpike::ops {

/// What both daemons have in common: [node] id, runtime_dir and admin_group, [metrics], [log],
/// [privacy], [store].
struct Settings {
    std::string node_id;                  // default: the host name
    std::filesystem::path runtime_dir;    // empty: InstanceDirectory::locate decides
    std::optional<unsigned> admin_group;  // node.admin_group: its members may use the admin socket
    std::optional<Endpoint> metrics_address;  // nothing: off
    Log::Options log;
    ClientIp client_ip = ClientIp::Truncate;

    /// Reads those keys; metrics are on 127.0.0.1:`metrics_port` unless told otherwise. `node` is
    /// the [node] table, which may have keys of the daemon's own.
    static Settings read(config::Table root, config::Table node, std::uint16_t metrics_port);
};

}  // namespace turnpike::ops
