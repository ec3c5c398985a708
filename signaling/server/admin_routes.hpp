#pragma once

#include <string>

#include "common/ops/metrics.hpp"
#include "common/ops/router.hpp"
#include "signaling/server/service.hpp"

namespace turnpike::signaling {

/// Who this process is.
struct Identity {
    std::string id, boot_id;
    WallTime started_at{};
};

/// The routes of the admin socket (docs/protocol.md, Administration).
///
/// Lifetime   borrows all of them
/// Threading  the control loop; each handler waits for the web loop, at most Service::kAskDeadline
void add_admin_routes(ops::Router& router, Service& service, const Clock& clock, const Identity& identity,
                      const ops::Metrics& metrics, std::string effective_config);

/// What is safe to show on the metrics port: /metrics, /healthz, /readyz.
void add_health_routes(ops::Router& router, Service& service, const ops::Metrics& metrics);

}  // namespace turnpike::signaling
