#pragma once

#include "common/ops/metrics.hpp"
#include "common/ops/router.hpp"
#include "turn/server/node.hpp"

namespace turnpike::relay {

/// The relay's admin API, on the unix socket: /v1/node, /v1/allocations, /v1/revocations,
/// /v1/config; and what the metrics port has.
///
/// Lifetime  the router's handlers borrow the node and the metrics
void add_admin_routes(ops::Router& router, Node& node, const ops::Metrics& metrics);

/// What everybody who reaches the metrics port may see: /metrics, /healthz, /readyz.
void add_public_routes(ops::Router& router, Node& node, const ops::Metrics& metrics);

}  // namespace turnpike::relay
