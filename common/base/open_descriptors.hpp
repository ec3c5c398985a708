#pragma once

#include <cstdint>
#include <optional>

namespace turnpike {

/// How many descriptors a process has open; nothing when it is not there, or may not be looked into.
///
/// Source  proc(5): since Linux 6.2 the size of /proc/PID/fd. Before, they are counted one by one; the kernel then keeps
///         almost a kilobyte for each for as long as it likes.
std::optional<std::uint64_t> open_descriptors(int pid);

}  // namespace turnpike
