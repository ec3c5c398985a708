#pragma once

#include <vector>

#include "turn/core/path.hpp"

namespace turnpike::core {

struct Allocation;

/// Gives out RelayIds and finds their allocation by index: a peer's datagram costs no hash here.
class RelaySlots {
public:
    RelayId take(Allocation& owner) {
        if (free_.empty()) {
            slots_.push_back({&owner, 1});
            return {static_cast<std::uint32_t>(slots_.size() - 1), 1};
        }
        const std::uint32_t slot = free_.back();
        free_.pop_back();
        slots_[slot].owner = &owner;
        return {slot, slots_[slot].generation};
    }
    void release(RelayId relay) {
        if (find(relay) == nullptr) return;
        Slot& slot = slots_[relay.slot];
        slot.owner = nullptr;
        slot.generation = slot.generation == RelayId::kGenerationMax ? 1 : slot.generation + 1;
        free_.push_back(relay.slot);
    }
    /// Nothing for a stale id.
    Allocation* find(RelayId relay) const noexcept {
        if (relay.slot >= slots_.size() || slots_[relay.slot].generation != relay.generation) return nullptr;
        return slots_[relay.slot].owner;
    }
    /// The allocation at a slot, by number from 0 to end(); null where there is none.
    Allocation* at(std::uint32_t slot) const noexcept { return slots_[slot].owner; }
    std::uint32_t end() const noexcept { return static_cast<std::uint32_t>(slots_.size()); }
    std::size_t in_use() const noexcept { return slots_.size() - free_.size(); }

private:
    struct Slot {
        Allocation* owner = nullptr;
        std::uint32_t generation = 1;
    };
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace turnpike::core
