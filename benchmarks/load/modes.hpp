#pragma once

#include <csignal>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"

namespace CLI {
class App;
}

namespace turnpike::bench {

constexpr int kOk = 0, kNotClean = 1, kUsage = 2, kUnreachable = 6, kSaturated = 9;

/// What every mode works with.
///
/// Lifetime  main's; `stop` is set by SIGINT and SIGTERM
struct Bench {
    const Clock& clock;
    Random& random;
    const volatile std::sig_atomic_t& stop;
    int exit_code = kOk;  // of the mode that ran
};

/// One mode, one subcommand.
void add_relay_mode(CLI::App& app, Bench& bench);
void add_stun_mode(CLI::App& app, Bench& bench);
void add_alloc_mode(CLI::App& app, Bench& bench);
void add_churn_mode(CLI::App& app, Bench& bench);
void add_capacity_mode(CLI::App& app, Bench& bench);
void add_mixed_mode(CLI::App& app, Bench& bench);
void add_soak_mode(CLI::App& app, Bench& bench);
void add_compare_mode(CLI::App& app, Bench& bench);
void add_report_mode(CLI::App& app, Bench& bench);
void add_frames_mode(CLI::App& app, Bench& bench);
void add_forward_mode(CLI::App& app, Bench& bench);

}  // namespace turnpike::bench
