// The global operator new and delete of micro_bench, counting. No benchmark of its own.

#include "benchmarks/support/allocation_counter.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> g_allocations{0}, g_bytes{0};

// What glibc keeps in front of each piece.
constexpr std::size_t kOverhead = 8;

void* counted(void* memory) noexcept {
    g_allocations.fetch_add(1, std::memory_order_relaxed);
    if (memory != nullptr) g_bytes.fetch_add(::malloc_usable_size(memory) + kOverhead, std::memory_order_relaxed);
    return memory;
}

void* counted(std::size_t size) noexcept { return counted(std::malloc(size == 0 ? 1 : size)); }

void* counted(std::size_t size, std::align_val_t alignment) noexcept {
    const auto boundary = static_cast<std::size_t>(alignment);
    // aligned_alloc wants a multiple of the alignment.
    const std::size_t whole = (size + boundary - 1) / boundary * boundary;
    return counted(std::aligned_alloc(boundary, whole == 0 ? boundary : whole));
}

void freed(void* memory) noexcept {
    if (memory != nullptr) g_bytes.fetch_sub(::malloc_usable_size(memory) + kOverhead, std::memory_order_relaxed);
    std::free(memory);
}

void* or_throw(void* memory) {
    if (memory == nullptr) throw std::bad_alloc{};
    return memory;
}

}  // namespace

namespace turnpike::bench {

std::uint64_t heap_allocations() noexcept { return g_allocations.load(std::memory_order_relaxed); }
std::uint64_t heap_bytes() noexcept { return g_bytes.load(std::memory_order_relaxed); }

}  // namespace turnpike::bench

void* operator new(std::size_t size) { return or_throw(counted(size)); }
void* operator new[](std::size_t size) { return or_throw(counted(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) { return or_throw(counted(size, alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return or_throw(counted(size, alignment)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return counted(size, alignment);
}

void operator delete(void* memory) noexcept { freed(memory); }
void operator delete[](void* memory) noexcept { freed(memory); }
void operator delete(void* memory, std::size_t) noexcept { freed(memory); }
void operator delete[](void* memory, std::size_t) noexcept { freed(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { freed(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { freed(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { freed(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { freed(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { freed(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { freed(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { freed(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { freed(memory); }
