#pragma once

#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/ops/log.hpp"
#include "turn/net/worker_pool.hpp"
#include "turn/server/config.hpp"
#include "turn/server/load_meter.hpp"
#include "turn/server/revocation_file.hpp"
#include "turn/server/usage_log.hpp"

namespace turnpike::relay {

/// The running relay, as its admin routes and metrics see it.
///
/// Lifetime   borrows what main owns
/// Threading  the control loop
struct Node {
    const Config& config;
    net::WorkerPool& pool;
    RevocationFile& revocations;
    UsageLog& usage;
    const Clock& clock;
    ops::Log& log;

    std::string boot_id;  // new with each process
    WallTime started_at{};
    Instant started{};
    std::vector<net::Listener> listeners;  // with the ports really bound
    std::vector<std::string> urls;
    std::string effective_config;
    LoadMeter load;

    /// Ports, allocations and processor, whichever is fullest: 0.0 to 1.0.
    double load_now(const net::Snapshot& snapshot);
    /// Whether every worker's loop has turned lately.
    bool alive(const net::Snapshot& snapshot) const;
};

}  // namespace turnpike::relay
