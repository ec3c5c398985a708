#pragma once

#include "common/config/table.hpp"
#include "turn/core/relay_directory.hpp"
#include "turn/net/worker_pool.hpp"
#include "turn/server/machine.hpp"

namespace turnpike::relay {

/// `relay.address` and `relay.external_ip`: the addresses that allocations get, in their local and
/// public form. Without relay.address: what the listeners are bound to, and for a wildcard the
/// default route's.
///
/// Errors  become problems of the table's document
std::vector<core::RelayDirectory::Address> read_relay_addresses(
    config::Table relay, const std::vector<net::Listener>& listeners, const Machine& machine);

}  // namespace turnpike::relay
