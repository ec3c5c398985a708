#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>

#include "common/base/five_tuple.hpp"
#include "turn/core/allocation.hpp"

namespace turnpike::core {

/// The live allocations of one worker by 5-tuple. An allocation stays where it is in memory while it
/// is in here. One whose client is changing its address is found by both 5-tuples (RFC 8016).
///
/// The table has pointers only: the key is read from the allocation, which whoever finds it reads next.
class AllocationTable {
public:
    explicit AllocationTable(HashKey key) : entries_(0, Hash{{key}}) {}
    ~AllocationTable() {
        for (const Entry entry : entries_) {
            if (!entry.next()) delete &entry.allocation();
        }
    }
    AllocationTable(const AllocationTable&) = delete;
    AllocationTable& operator=(const AllocationTable&) = delete;

    Allocation* find(const FiveTuple& tuple) const noexcept {
        const auto found = entries_.find(tuple);
        return found == entries_.end() ? nullptr : &found->allocation();
    }
    Allocation& insert(std::unique_ptr<Allocation> allocation) {
        Allocation& kept = *allocation;
        add(kept);
        allocation.release();
        ++size_;
        return kept;
    }
    /// By any of its 5-tuples; it is found by none of them afterwards.
    std::unique_ptr<Allocation> take(const FiveTuple& tuple) {
        Allocation* const found = find(tuple);
        if (found == nullptr) return nullptr;
        entries_.erase(found->tuple());
        if (found->next_path() != nullptr) entries_.erase(found->next_path()->tuple);
        --size_;
        return std::unique_ptr<Allocation>{found};
    }

    /// One of ours is found by its 5-tuple, or by its next one too. Before either changes it is to be removed.
    void add(Allocation& allocation) { put(allocation.tuple(), Entry{allocation, false}); }
    void add_next(Allocation& allocation) { put(allocation.next_path()->tuple, Entry{allocation, true}); }
    void remove(const FiveTuple& tuple) { entries_.erase(tuple); }

    std::size_t size() const noexcept { return size_; }

    template <typename Each>
    void for_each(Each&& each) const {
        for (const Entry entry : entries_) {
            if (!entry.next()) each(entry.allocation());
        }
    }

private:
    // Which of its allocation's two 5-tuples it stands for is in the pointer's lowest bit.
    class Entry {
    public:
        Entry(Allocation& allocation, bool next) noexcept
            : bits_(reinterpret_cast<std::uintptr_t>(&allocation) | (next ? 1U : 0U)) {}
        Allocation& allocation() const noexcept { return *reinterpret_cast<Allocation*>(bits_ & ~std::uintptr_t{1}); }
        bool next() const noexcept { return (bits_ & 1) != 0; }
        const FiveTuple& tuple() const noexcept {
            return next() ? allocation().next_path()->tuple : allocation().tuple();
        }

    private:
        std::uintptr_t bits_;
    };
    static_assert(alignof(Allocation) >= 2);

    struct Hash {
        using is_avalanching = void;
        using is_transparent = void;
        FiveTupleHash of;
        std::size_t operator()(const FiveTuple& tuple) const noexcept { return of(tuple); }
        std::size_t operator()(Entry entry) const noexcept { return of(entry.tuple()); }
    };
    struct Same {
        using is_transparent = void;
        bool operator()(Entry a, Entry b) const noexcept { return a.tuple() == b.tuple(); }
        bool operator()(const FiveTuple& a, Entry b) const noexcept { return a == b.tuple(); }
        bool operator()(Entry a, const FiveTuple& b) const noexcept { return a.tuple() == b; }
    };

    void put(const FiveTuple& tuple, Entry entry) {
        entries_.erase(tuple);
        entries_.insert(entry);
    }

    boost::unordered_flat_set<Entry, Hash, Same> entries_;
    std::size_t size_ = 0;
};

}  // namespace turnpike::core
