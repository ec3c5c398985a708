#pragma once

#include "turn/server/config.hpp"

namespace turnpike::relay {

/// [redirect]: the servers that share this one's users, or take them over. After listeners and
/// relay addresses, which say how this node itself may be called in that list.
void read_redirect(config::Table redirect, const Machine& machine, Config& config);

}  // namespace turnpike::relay
