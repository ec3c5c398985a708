#include "benchmarks/load/process_memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

namespace turnpike::bench {

std::optional<ProcessMemory> read_memory(int pid) {
    ProcessMemory memory;
    std::ifstream statm{fmt::format("/proc/{}/statm", pid)};
    std::uint64_t pages = 0, resident = 0;
    if (!(statm >> pages >> resident)) return {};
    memory.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

    std::error_code error;
    for (std::filesystem::directory_iterator at{fmt::format("/proc/{}/fd", pid), error}, end;
         !error && at != end; at.increment(error))
        ++memory.descriptors;

    std::ifstream meminfo{"/proc/meminfo"};
    for (std::string name; meminfo >> name;
         meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
        std::uint64_t kilobytes = 0;
        if (name == "Slab:" && meminfo >> kilobytes) memory.kernel_slab_bytes = kilobytes * 1024;
    }
    return memory;
}

}  // namespace turnpike::bench
