#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "turn/net/io_engine.hpp"
#include "turn/net/range_sockets.hpp"
#include "turn/net/relay_engine.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::net {

/// Which engine serves a node's relayed addresses, and what it needs of the kernel.
struct EngineChoice {
    IoEngine engine = IoEngine::Sockets;
    std::string why;                  // for people
    std::optional<RangeSetup> range;  // outlives the engines

    /// The best that this process may have; or exactly what was asked for, or the error.
    static std::expected<EngineChoice, StartError> make(const Options& options, Random& random);

    /// A worker's engine; each worker's once.
    std::unique_ptr<RelayEngine> engine_for(const RelayEngine::Parts& parts);
};

}  // namespace turnpike::net
