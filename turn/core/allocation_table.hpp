#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>

#include "common/base/five_tuple.hpp"
#include "turn/core/allocation.hpp"

namespace turnpike::core {

/// The live allocations of one worker by 5-tuple. An allocation stays where it is in memory while it
/// is in here.
class AllocationTable {
public:
    explicit AllocationTable(HashKey key) : by_tuple_(0, FiveTupleHash{key}) {}

    Allocation* find(const FiveTuple& tuple) const noexcept {
        const auto found = by_tuple_.find(tuple);
        return found == by_tuple_.end() ? nullptr : found->second.get();
    }
    Allocation& insert(std::unique_ptr<Allocation> allocation) {
        Allocation& kept = *allocation;
        by_tuple_.emplace(kept.tuple(), std::move(allocation));
        return kept;
    }
    std::unique_ptr<Allocation> take(const FiveTuple& tuple) {
        const auto found = by_tuple_.find(tuple);
        if (found == by_tuple_.end()) return nullptr;
        std::unique_ptr<Allocation> taken = std::move(found->second);
        by_tuple_.erase(found);
        return taken;
    }
    std::size_t size() const noexcept { return by_tuple_.size(); }

    template <typename Each>
    void for_each(Each&& each) const {
        for (const auto& [tuple, allocation] : by_tuple_) each(*allocation);
    }

private:
    boost::unordered_flat_map<FiveTuple, std::unique_ptr<Allocation>, FiveTupleHash> by_tuple_;
};

}  // namespace turnpike::core
