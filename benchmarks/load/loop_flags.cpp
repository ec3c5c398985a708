#include "benchmarks/load/loop_flags.hpp"

#include <CLI/CLI.hpp>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {

void LoopFlags::add_to(CLI::App& app) {
    app.add_option("--warm-up", warm_up, "load before the measurement")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--drain", drain, "quiet time after which what is missing is lost")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    app.add_option("-i,--interval", interval, "a line on stderr this often; 0: none")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--spin", spin, "never sleep: exact times, for the price of a core");
    app.add_option("--server-pid", server_pids,
                   "process of the server: its processor time gives packets per CPU-second. More of "
                   "them: threads of the kernel that work for it")
        ->type_name("PID")
        ->check(CLI::PositiveNumber)
        ->expected(1)
        ->take_all();
    app.add_option("--server-core", server_core,
                   "core that the server has for itself: all its time counts, interrupts included")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber);
}

LoopPlan LoopFlags::plan() const {
    LoopPlan plan;
    plan.spin = spin;
    plan.warm_up = from_seconds(warm_up);
    plan.drain = from_seconds(drain);
    if (interval > 0) plan.interval = from_seconds(interval);
    return plan;
}

std::expected<CpuMeter, std::string> LoopFlags::meter() const {
    std::optional<unsigned> core;
    if (server_core >= 0) core = static_cast<unsigned>(server_core);
    return CpuMeter::watch(server_pids, core);
}

}  // namespace turnpike::bench
