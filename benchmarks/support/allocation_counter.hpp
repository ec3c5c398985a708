#pragma once

#include <cstdint>

namespace turnpike::bench {

/// Calls of operator new in this program so far, from every thread. Defined once, in
/// allocation_counter_bench.cpp, which also replaces the global operators.
///
/// A benchmark reads it before and after its loop and reports the difference as allocations per op.
/// Counted is what C++ allocates; malloc inside a C library is not.
///
/// Threading  any.
std::uint64_t heap_allocations() noexcept;

/// What they all together have taken of the heap and not given back, the heap's own overhead included.
std::uint64_t heap_bytes() noexcept;

}  // namespace turnpike::bench
