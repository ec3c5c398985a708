#pragma once

#include <algorithm>
#include <utility>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"

namespace turnpike::cluster {

/// Whether a server is worth asking. It opens when the server cannot be reached, or when so many
/// commands in a row had no answer in time; then commands fail at once, and only the store's own
/// probe closes it again.
class Breaker {
public:
    explicit Breaker(unsigned deadlines_in_a_row) : most_(deadlines_in_a_row) {}

    bool open() const noexcept { return open_; }
    /// True when this opened it.
    bool missed_deadline() noexcept { return ++missed_ >= most_ && trip(); }
    bool trip() noexcept { return !std::exchange(open_, true); }
    void answered() noexcept { missed_ = 0; }
    void close() noexcept {
        open_ = false;
        missed_ = 0;
    }

private:
    unsigned most_;
    unsigned missed_ = 0;
    bool open_ = false;
};

/// The pause before the next attempt: doubled each time up to `most`, half of it by chance, so that
/// the nodes of a cluster do not come back in step.
class BackOff {
public:
    BackOff(Milliseconds least, Milliseconds most) : least_(least), most_(most), next_(least) {}

    Milliseconds next(Random& random) noexcept {
        const auto whole = static_cast<std::uint32_t>(next_.count());
        next_ = std::min(next_ * 2, most_);
        return Milliseconds{whole / 2 + random.below(whole / 2 + 1)};
    }
    void reset() noexcept { next_ = least_; }

private:
    Milliseconds least_, most_, next_;
};

}  // namespace turnpike::cluster
