#include "benchmarks/load/cpu_meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>

namespace turnpike::bench {
namespace {

namespace fs = std::filesystem;

struct SchedStat {
    Nanoseconds running{}, waiting{};
};

std::optional<SchedStat> read_schedstat(const fs::path& file) {
    std::ifstream in{file};
    std::int64_t running = 0, waiting = 0;
    if (!(in >> running >> waiting)) return {};
    return SchedStat{Nanoseconds{running}, Nanoseconds{waiting}};
}

std::optional<Nanoseconds> read_process(int pid) {
    std::error_code error;
    Nanoseconds sum{};
    bool any = false;
    for (const auto& task : fs::directory_iterator{fmt::format("/proc/{}/task", pid), error}) {
        if (const auto stat = read_schedstat(task.path() / "schedstat")) {
            sum += stat->running;
            any = true;
        }
    }
    if (!any) return {};
    return sum;
}

// cpuN user nice system idle iowait irq softirq steal, in ticks
std::optional<CpuUse::Core> read_core(unsigned core) {
    std::ifstream in{"/proc/stat"};
    const std::string wanted = fmt::format("cpu{}", core);
    const auto tick = Nanoseconds{1s} / std::max(1L, ::sysconf(_SC_CLK_TCK));
    for (std::string name; in >> name;) {
        std::array<std::int64_t, 8> ticks{};
        if (name == wanted) {
            for (auto& value : ticks) in >> value;
            const auto [user, nice, system, idle, iowait, irq, softirq, steal] = ticks;
            return CpuUse::Core{.busy = tick * (user + nice + system + irq + softirq),
                                .user = tick * (user + nice),
                                .system = tick * system,
                                .interrupts = tick * (irq + softirq),
                                .softirqd = {}};
        }
        in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return {};
}

std::optional<int> find_softirqd(unsigned core) {
    const std::string wanted = fmt::format("ksoftirqd/{}", core);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{"/proc", error}) {
        const std::string name = entry.path().filename();
        int pid = 0;
        const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (bad != std::errc{} || end != name.data() + name.size()) continue;
        std::ifstream in{entry.path() / "comm"};
        std::string comm;
        if (std::getline(in, comm) && comm == wanted) return pid;
    }
    return {};
}

}  // namespace

CpuUse CpuUse::operator-(const CpuUse& before) const noexcept {
    CpuUse use{.own = own - before.own,
               .own_waiting = own_waiting - before.own_waiting,
               .server = {},
               .core = {}};
    if (server && before.server) use.server = *server - *before.server;
    if (core && before.core) {
        use.core = Core{.busy = core->busy - before.core->busy,
                        .user = core->user - before.core->user,
                        .system = core->system - before.core->system,
                        .interrupts = core->interrupts - before.core->interrupts,
                        .softirqd = core->softirqd - before.core->softirqd};
    }
    return use;
}

std::optional<Nanoseconds> CpuUse::charged() const noexcept {
    if (core) return core->busy;
    return server;
}

std::expected<CpuMeter, std::string> CpuMeter::watch(std::vector<int> server_pids,
                                                     std::optional<unsigned> server_core) {
    CpuMeter meter;
    for (const int pid : server_pids) {
        if (!read_process(pid))
            return std::unexpected(fmt::format("--server-pid: there is no process {}", pid));
    }
    if (server_core && !read_core(*server_core))
        return std::unexpected(fmt::format("--server-core: there is no core {}", *server_core));
    meter.server_pids_ = std::move(server_pids);
    meter.server_core_ = server_core;
    if (server_core) meter.softirqd_pid_ = find_softirqd(*server_core);
    return meter;
}

CpuUse CpuMeter::read() {
    CpuUse use;
    if (const auto own = read_schedstat("/proc/thread-self/schedstat")) {
        use.own = own->running;
        use.own_waiting = own->waiting;
    }
    if (!server_pids_.empty()) {
        Nanoseconds sum{};
        for (const int pid : server_pids_) sum += read_process(pid).value_or(Nanoseconds{});
        server_last_ = std::max(server_last_, sum);
        use.server = server_last_;
    }
    if (server_core_) {
        use.core = read_core(*server_core_);
        if (use.core && softirqd_pid_)
            use.core->softirqd = read_process(*softirqd_pid_).value_or(Nanoseconds{});
    }
    return use;
}

}  // namespace turnpike::bench
