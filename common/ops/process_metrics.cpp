#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "common/base/open_descriptors.hpp"
#include "common/base/system_clock.hpp"
#include "common/ops/metrics.hpp"

namespace turnpike::ops {
namespace {

/// Fields of /proc/self/stat behind the command's name, which may hold anything.
std::vector<std::string> stat_fields() {
    std::ifstream file{"/proc/self/stat"};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    const std::size_t close = text.rfind(')');
    std::vector<std::string> fields;
    if (close == std::string::npos) return fields;
    std::istringstream words{text.substr(close + 1)};
    for (std::string word; words >> word;) fields.push_back(word);
    return fields;
}

}  // namespace

void collect_process(Scrape& scrape) {
    // proc(5): state is field 3 there and 0 here.
    constexpr std::size_t kThreads = 17, kStartTicks = 19, kResidentPages = 21;
    const std::vector<std::string> fields = stat_fields();
    const auto number = [&](std::size_t at) {
        return at < fields.size() ? std::strtod(fields[at].c_str(), nullptr) : 0.0;
    };

    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    scrape.counter("process_cpu_seconds_total", "User and system CPU time.",
                   seconds(usage.ru_utime) + seconds(usage.ru_stime));
    if (!fields.empty()) {
        scrape.gauge("process_resident_memory_bytes", "Resident memory.",
                     number(kResidentPages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
        scrape.gauge("process_threads", "Threads.", number(kThreads));
        const SystemClock clock;
        const double since_boot =
            std::chrono::duration<double>(clock.now().time_since_epoch()).count();
        const double wall = std::chrono::duration<double>(clock.wall().time_since_epoch()).count();
        const double started = number(kStartTicks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
        scrape.gauge("process_start_time_seconds", "When the process started, Unix time.",
                     wall - since_boot + started);
    }
    if (const auto open = open_descriptors(::getpid()))
        scrape.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(*open));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        scrape.gauge("process_max_fds", "File descriptors that may be open.",
                     static_cast<double>(limit.rlim_cur));
    }
}

}  // namespace turnpike::ops
