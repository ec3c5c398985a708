#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "common/base/five_tuple.hpp"
#include "turn/core/allocation.hpp"

namespace turnpike::core {

/// The live allocations of one worker by 5-tuple. An allocation stays where it is in memory while it
/// is in here. One whose client is changing its address is found by both 5-tuples (RFC 8016).
class AllocationTable {
public:
    explicit AllocationTable(HashKey key) : by_tuple_(0, FiveTupleHash{key}) {}

    Allocation* find(const FiveTuple& tuple) const noexcept {
        const auto found = by_tuple_.find(tuple);
        return found == by_tuple_.end() ? nullptr : found->second;
    }
    Allocation& insert(std::unique_ptr<Allocation> allocation) {
        Allocation& kept = *allocation;
        by_tuple_.emplace(kept.tuple(), &kept);
        owned_.emplace(&kept, std::move(allocation));
        return kept;
    }
    /// By any of its 5-tuples; it is found by none of them afterwards.
    std::unique_ptr<Allocation> take(const FiveTuple& tuple) {
        Allocation* const found = find(tuple);
        if (found == nullptr) return nullptr;
        by_tuple_.erase(found->tuple());
        if (found->next_path) by_tuple_.erase(found->next_path->tuple);
        const auto owned = owned_.find(found);
        std::unique_ptr<Allocation> taken = std::move(owned->second);
        owned_.erase(owned);
        return taken;
    }
    /// One of ours is found by this 5-tuple too, or no longer.
    void add(const FiveTuple& tuple, Allocation& allocation) { by_tuple_.insert_or_assign(tuple, &allocation); }
    void remove(const FiveTuple& tuple) { by_tuple_.erase(tuple); }

    std::size_t size() const noexcept { return owned_.size(); }

    template <typename Each>
    void for_each(Each&& each) const {
        for (const auto& [key, allocation] : owned_) each(*allocation);
    }

private:
    boost::unordered_flat_map<FiveTuple, Allocation*, FiveTupleHash> by_tuple_;
    boost::unordered_flat_map<const Allocation*, std::unique_ptr<Allocation>> owned_;
};

}  // namespace turnpike::core
