#pragma once

#include <expected>
#include <string>

#include "benchmarks/load/open_loop.hpp"

namespace CLI {
class App;
}

namespace turnpike::bench {

/// The flags of every mode that measures: its times, and what is watched meanwhile.
struct LoopFlags {
    double warm_up = 0, drain = 2, interval = 1;
    bool spin = false;
    std::vector<int> server_pids;  // the first is the server itself
    int server_core = -1;

    int server() const { return server_pids.empty() ? -1 : server_pids.front(); }
    void add_to(CLI::App& app);
    /// All but the duration, which is each mode's own.
    LoopPlan plan() const;
    std::expected<CpuMeter, std::string> meter() const;
};

}  // namespace turnpike::bench
