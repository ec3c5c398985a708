#include "benchmarks/load/environment.hpp"

#include <sys/utsname.h>

#include <fstream>
#include <thread>

namespace turnpike::bench {
namespace {

std::string first_line(const char* file) {
    std::ifstream in{file};
    std::string line;
    std::getline(in, line);
    return line;
}

std::string processor() {
    std::ifstream in{"/proc/cpuinfo"};
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("model name") && !line.starts_with("CPU part")) continue;
        const std::size_t colon = line.find(": ");
        return colon == std::string::npos ? line : line.substr(colon + 2);
    }
    return {};
}

}  // namespace

std::map<std::string, std::string> read_environment() {
    utsname name{};
    ::uname(&name);
    std::map<std::string, std::string> out{
        {"host", name.nodename},
        {"kernel", name.release},
        {"machine", name.machine},
        {"processor", processor()},
        {"processors", std::to_string(std::thread::hardware_concurrency())},
        {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")},
        {"rmem_max", first_line("/proc/sys/net/core/rmem_max")},
        {"wmem_max", first_line("/proc/sys/net/core/wmem_max")},
        {"tool", "turnpike-bench " TURNPIKE_VERSION},
    };
    std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
    return out;
}

}  // namespace turnpike::bench
