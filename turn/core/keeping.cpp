// Records of live allocations, kept so that they outlast the process (DESIGN 4.3).
//
// A step that changes what a record says marks its allocation; the driver has the marked ones written
// before anything that the step answered leaves. So what a client was told is kept, whenever the process
// ends, and a turn that changes an allocation twice writes it once.

#include <algorithm>

#include "turn/core/machine.hpp"

namespace turnpike::core {

void Machine::changed(Allocation& allocation) {
    if (keeper_ == nullptr || allocation.changed) return;
    allocation.changed = true;
    changed_.push_back(&allocation);
}

void Machine::keep_records(Instant now) {
    for (Allocation* const allocation : changed_) {
        allocation->changed = false;
        CredentialRef& credential = allocation->credential;
        if (credential->kept == 0) credential.entry().kept = keeper_->keep_credential(encode_credential(credential->view(), encoded_));
        allocation->fill(record_, config_, now);
        allocation->kept = keeper_->keep(allocation->kept, credential->kept, record_.encode_allocation(encoded_), now);
    }
    changed_.clear();
    // Last: until now a record may have named one.
    for (const RecordKeeper::Place gone : credentials_.take_gone()) keeper_->forget_credential(gone);
}

// The allocation is about to go, and its record with it.
void Machine::forget_record(Allocation& allocation) {
    if (allocation.changed) std::erase(changed_, &allocation);
    allocation.changed = false;
    if (allocation.kept != 0) keeper_->forget(allocation.kept);
    allocation.kept = 0;
}

// The allocation leaves for another worker, and its record stays until it is kept there: a process that ends
// in between leaves it twice rather than never.
void Machine::leave_record(Allocation& allocation) {
    if (allocation.changed) std::erase(changed_, &allocation);
    allocation.changed = false;
    if (allocation.kept != 0) left_behind_.emplace(allocation.id.value, LeftBehind{allocation.kept, allocation.credential});
    allocation.kept = 0;
}

void Machine::arrived_elsewhere(AllocationId id) {
    const auto [first, last] = left_behind_.equal_range(id.value);
    if (first == last) return;
    keeper_->forget(first->second.kept);
    left_behind_.erase(first);
}

}  // namespace turnpike::core
