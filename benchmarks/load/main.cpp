#include <CLI/CLI.hpp>
#include <csignal>

#include "benchmarks/load/modes.hpp"
#include "common/base/system_clock.hpp"
#include "common/crypto/system_random.hpp"

namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void request_stop(int) {
    stop_requested = 1;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace turnpike::bench;
    std::signal(SIGINT, request_stop);
    std::signal(SIGTERM, request_stop);
    std::signal(SIGPIPE, SIG_IGN);

    CLI::App app{"Load for TURN servers, checked packet by packet."};
    app.name("turnpike-bench");
    app.set_version_flag("--version", "turnpike-bench " TURNPIKE_VERSION);
    app.require_subcommand(1);
    app.footer("turnpike-bench MODE --help has the flags and examples.");

    const turnpike::SystemClock clock;
    turnpike::crypto::SystemRandom random;
    Bench bench{.clock = clock, .random = random, .stop = stop_requested};
    for (const auto add :
         {add_relay_mode, add_stun_mode, add_alloc_mode, add_churn_mode, add_mixed_mode,
          add_soak_mode, add_capacity_mode, add_compare_mode, add_report_mode, add_frames_mode, add_forward_mode})
        add(app, bench);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kOk : kUsage;
    }
    return bench.exit_code;
}
