#pragma once

#include <csignal>

namespace CLI {
class App;
}

namespace turnpike::bench {

constexpr int kOk = 0, kNotClean = 1, kUsage = 2, kUnreachable = 6;

/// What a mode leaves for main: its exit code, once its subcommand has run.
struct Outcome {
    int exit_code = kOk;
};

/// One mode, one subcommand. `stop` is set by SIGINT and SIGTERM.
void add_relay_mode(CLI::App& app, Outcome& outcome, const volatile std::sig_atomic_t& stop);

}  // namespace turnpike::bench
