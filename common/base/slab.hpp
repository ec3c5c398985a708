#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <mutex>
#include <new>
#include <vector>

namespace turnpike {

/// Memory for a great many objects of one size, in large pages where the system has them: what a packet finds
/// by a hash is anywhere among all of them, and with small pages the way there alone costs as much as the rest.
/// Every object begins at a cache line. What was taken once is used again; the system has it back with the slab.
///
/// Lifetime   longer than its objects
/// Threading  any
class Slab {
public:
    explicit Slab(std::size_t size) noexcept : size_((size + kLine - 1) / kLine * kLine) {}
    ~Slab() {
        for (std::byte* const chunk : chunks_) ::operator delete(chunk, std::align_val_t{kChunk});
    }
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    void* take() {
        const std::lock_guard lock{mutex_};
        if (free_ != nullptr) {
            Free* const taken = free_;
            free_ = taken->next;
            return taken;
        }
        if (left_ < size_) {
            chunks_.push_back(static_cast<std::byte*>(::operator new(kChunk, std::align_val_t{kChunk})));
            next_ = chunks_.back();
            ::madvise(next_, kChunk, MADV_HUGEPAGE);
            left_ = kChunk;
        }
        std::byte* const taken = next_;
        next_ += size_;
        left_ -= size_;
        return taken;
    }
    void give_back(void* object) noexcept {
        const std::lock_guard lock{mutex_};
        free_ = ::new (object) Free{free_};
    }

private:
    static constexpr std::size_t kLine = 64, kChunk = std::size_t{2} << 20;
    struct Free {
        Free* next;
    };

    const std::size_t size_;
    std::mutex mutex_;
    std::vector<std::byte*> chunks_;
    Free* free_ = nullptr;
    std::byte* next_ = nullptr;  // of the last chunk
    std::size_t left_ = 0;
};

}  // namespace turnpike
