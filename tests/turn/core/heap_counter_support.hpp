#pragma once

#include <cstdint>

namespace turnpike::test {

/// Calls of operator new on this thread so far; this test binary's own operators count them.
std::uint64_t heap_allocations() noexcept;

}  // namespace turnpike::test
