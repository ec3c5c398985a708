#pragma once

#include <vector>

#include "turn/server/listeners.hpp"

namespace turnpike::relay {

/// [peers] and [peers.realm."name"]: what clients may reach through the relay.
///
/// Errors  become problems of the document
void read_peer_rules(config::Document& document, config::Table peers,
                     const std::vector<Listening>& listening, const ReadOptions& options,
                     Config& config);

/// What is hard denied whatever [peers] says: this machine's addresses, its listeners and back ends,
/// its gateways and resolvers. Relay addresses are not, since they are peers towards live relay ports; in
/// the lab neither is what `allow` names.
std::vector<IpAddress> own_addresses(const Config& config, const Machine& machine);

}  // namespace turnpike::relay
