#pragma once

#include "common/ops/metrics.hpp"
#include "turn/server/node.hpp"

namespace turnpike::relay {

/// turnpike_relay_*: what the node is, has and did. Labels are from fixed sets; no users, realms or
/// addresses.
void collect(ops::Scrape& scrape, Node& node);

}  // namespace turnpike::relay
