#include "benchmarks/load/process_memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <string>

#include "common/base/open_descriptors.hpp"

namespace turnpike::bench {

std::optional<ProcessMemory> read_memory(int pid) {
    ProcessMemory memory;
    std::ifstream statm{fmt::format("/proc/{}/statm", pid)};
    std::uint64_t pages = 0, resident = 0;
    if (!(statm >> pages >> resident)) return {};
    memory.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

    std::ifstream meminfo{"/proc/meminfo"};
    for (std::string name; meminfo >> name;
         meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
        std::uint64_t kilobytes = 0;
        if (name == "Slab:" && meminfo >> kilobytes) memory.kernel_slab_bytes = kilobytes * 1024;
    }
    memory.descriptors = open_descriptors(pid).value_or(0);
    return memory;
}

}  // namespace turnpike::bench
