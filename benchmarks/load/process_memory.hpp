#pragma once

#include <cstdint>
#include <optional>

namespace turnpike::bench {

/// What a process holds, as the kernel counts it.
struct ProcessMemory {
    std::uint64_t resident_bytes = 0;     // RSS of the process
    std::uint64_t descriptors = 0;        // open files and sockets
    std::uint64_t kernel_slab_bytes = 0;  // of the whole machine: sockets are in it, and all else
};

/// Nothing when there is no such process, or it may not be looked into.
std::optional<ProcessMemory> read_memory(int pid);

}  // namespace turnpike::bench
