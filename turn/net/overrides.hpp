#pragma once

#include <optional>
#include <unordered_map>

#include "common/base/five_tuple.hpp"
#include "common/base/random.hpp"

namespace turnpike::net {

/// One worker's exceptions to steering: 5-tuples whose datagrams reach this worker and belong to another.
///
/// Together the workers' tables are the node's. Each exception lives where it is needed, at the worker
/// that the 5-tuple is steered to (and, while a move is under way, at the one it left), so looking
/// it up takes no lock and no shared cache line; changes travel as letters (transfer.cpp).
///
/// Threading  the owning worker
class Overrides {
public:
    struct Entry {
        unsigned worker = 0;
        std::uint64_t move = 0;  // which move made it; a later one is not undone by an earlier's letter
    };

    explicit Overrides(Random& random) : entries_(0, FiveTupleHash{{random.public_u64(), random.public_u64()}}) {}

    std::optional<Entry> find(const FiveTuple& tuple) const noexcept {
        if (entries_.empty()) return {};
        const auto it = entries_.find(tuple);
        if (it == entries_.end()) return {};
        return it->second;
    }
    void set(const FiveTuple& tuple, Entry entry) { entries_.insert_or_assign(tuple, entry); }
    void erase(const FiveTuple& tuple) { entries_.erase(tuple); }
    /// Only what that move made.
    void erase(const FiveTuple& tuple, std::uint64_t move) {
        const auto it = entries_.find(tuple);
        if (it != entries_.end() && it->second.move == move) entries_.erase(it);
    }
    std::size_t size() const noexcept { return entries_.size(); }

private:
    std::unordered_map<FiveTuple, Entry, FiveTupleHash> entries_;
};

}  // namespace turnpike::net
