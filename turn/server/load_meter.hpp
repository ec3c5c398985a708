#pragma once

#include "common/base/clock.hpp"

namespace turnpike::relay {

/// How much of the processors this process uses, smoothed over a few seconds: 0.0 to 1.0 of all of
/// them.
///
/// Threading  one thread
class LoadMeter {
public:
    /// Takes a reading of the process's clock. Called by a timer, every second or two.
    void sample(Instant now);
    double processor() const noexcept { return busy_; }

private:
    Instant last_{};
    Nanoseconds last_used_{};
    double busy_ = 0;
};

}  // namespace turnpike::relay
