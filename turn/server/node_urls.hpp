#pragma once

#include <string>
#include <vector>

#include "turn/core/relay_directory.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::relay {

/// The ICE URLs (RFC 7065) that signaling hands out for this node: two, since each more slows ICE
/// down. The first UDP listener, then the first TLS listener, or TCP where there is no TLS.
///
/// A wildcard listener is reached at the relay address of its family; addresses are in their public
/// form.
std::vector<std::string> node_urls(const std::vector<net::Listener>& listeners,
                                   const std::vector<core::RelayDirectory::Address>& relays);

/// Whether `url` is a turn:, turns: or stun: URI with a host. Not a whole parser: a guard against
/// slips.
bool is_ice_url(std::string_view url);

}  // namespace turnpike::relay
