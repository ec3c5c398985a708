#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// Who used how much of which processor between two moments.
///
/// Units  all in nanoseconds of one processor
struct CpuUse {
    Nanoseconds own{};          // the generator's thread
    Nanoseconds own_waiting{};  // that thread ready to run, and another one running in its place
    std::optional<Nanoseconds> server;  // all threads of the server's processes
    struct Core {
        Nanoseconds busy{};                          // all but idle and stolen
        Nanoseconds user{}, system{}, interrupts{};  // hard and soft
        Nanoseconds softirqd{};                      // ksoftirqd of this core, in `system` too
    };
    std::optional<Core> core;

    CpuUse operator-(const CpuUse& before) const noexcept;
    /// What a relayed packet is charged to: the core where one is named, else the process.
    std::optional<Nanoseconds> charged() const noexcept;
};

/// Reads the kernel's accounts.
///
/// Errors     watch() says a sentence when there is no such process or core; a process that has
/// ended
///            since keeps what was read last
/// Threading  the thread that is measured
/// Source     proc(5): schedstat, stat; Documentation/scheduler/sched-stats.rst
class CpuMeter {
public:
    static std::expected<CpuMeter, std::string> watch(std::vector<int> server_pids,
                                                      std::optional<unsigned> server_core);

    CpuUse read();

private:
    CpuMeter() = default;

    std::vector<int> server_pids_;
    std::optional<unsigned> server_core_;
    std::optional<int> softirqd_pid_;
    Nanoseconds server_last_{};
};

}  // namespace turnpike::bench
