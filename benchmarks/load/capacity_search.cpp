#include "benchmarks/load/capacity_search.hpp"

#include <algorithm>

namespace turnpike::bench {

void CapacitySearch::told(bool passes) noexcept {
    if (!passes && !again_) {
        again_ = true;
        return;
    }
    again_ = false;
    if (passes)
        passed_ = rate_;
    else
        failed_ = rate_;
    if (failed_ <= 0) {
        done_ = rate_ >= plan_.highest;
        rate_ = std::min(rate_ * plan_.step, plan_.highest);
        return;
    }
    // Below the first rate too, down to a hundredth of it.
    const double low = std::max(passed_, plan_.first / 100);
    done_ = failed_ - low <= plan_.resolution * failed_;
    rate_ = (low + failed_) / 2;
}

}  // namespace turnpike::bench
