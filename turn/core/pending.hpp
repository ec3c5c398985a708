#pragma once

#include <boost/container/static_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>

#include "turn/core/allocation.hpp"
#include "turn/core/reply.hpp"

namespace turnpike::core {

/// An allocation whose relayed addresses are being bound: an Allocate that waits for its answer, or a
/// record that comes back to life. Quota and relay slots are taken already.
struct PendingAllocation {
    /// One family that was wanted, and what became of it.
    struct Wanted {
        Family family = Family::V4;
        RelayId relay;
        bool answered = false;
        std::optional<stun::ErrorCode> error;
        bool even_port = false;
        bool reserve_next = false;         // EVEN-PORT with its R bit
        std::optional<Endpoint> reserved;  // what a RESERVATION-TOKEN stands for, local form
    };

    std::unique_ptr<Allocation> allocation;
    std::optional<Envelope> answer_to;  // nothing: restored
    Endpoint restored_as;               // the first relayed address of the record, external form
    boost::container::static_vector<Wanted, 2> wanted;
    bool say_family_errors = false;     // ADDITIONAL-ADDRESS-FAMILY was asked for
    bool wants_ticket = false;          // MOBILITY-TICKET was asked for
    Nanoseconds lifetime{};             // granted from the answer on
    Wheel::Handle deadline;

    /// Units of the subject's quota that it holds: a reservation to come has its own.
    std::uint32_t quota_units() const noexcept {
        std::uint32_t units = 1;
        for (const Wanted& one : wanted) units += one.reserve_next ? 1 : 0;
        return units;
    }
};

/// The only way the core waits (DESIGN 3): bounded, by 5-tuple, each with a deadline. A retransmitted
/// request joins what is waiting.
class Pending {
public:
    Pending(std::size_t max, HashKey key) : max_(max), by_tuple_(0, FiveTupleHash{key}) {}

    bool full() const noexcept { return by_tuple_.size() >= max_; }
    std::size_t size() const noexcept { return by_tuple_.size(); }
    PendingAllocation* find(const FiveTuple& tuple) const noexcept {
        const auto found = by_tuple_.find(tuple);
        return found == by_tuple_.end() ? nullptr : found->second.get();
    }
    PendingAllocation& add(std::unique_ptr<PendingAllocation> waiting) {
        PendingAllocation& kept = *waiting;
        by_tuple_.emplace(kept.allocation->tuple(), std::move(waiting));
        return kept;
    }
    std::unique_ptr<PendingAllocation> take(const FiveTuple& tuple) {
        const auto found = by_tuple_.find(tuple);
        if (found == by_tuple_.end()) return nullptr;
        std::unique_ptr<PendingAllocation> taken = std::move(found->second);
        by_tuple_.erase(found);
        return taken;
    }
    template <typename Each>
    void for_each(Each&& each) const {
        for (const auto& [tuple, waiting] : by_tuple_) each(*waiting);
    }

private:
    std::size_t max_;
    boost::unordered_flat_map<FiveTuple, std::unique_ptr<PendingAllocation>, FiveTupleHash> by_tuple_;
};

}  // namespace turnpike::core
