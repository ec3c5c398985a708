#pragma once

#include "common/base/clock.hpp"

namespace turnpike::net {

/// Says when a worker should let datagrams gather before it reads again.
///
/// A worker that is woken for each datagram spends most of its time on waking. Under load, where the next ones are
/// microseconds away, waiting a little for them makes every wake bring several; below that it would only
/// delay what nobody follows.
///
/// Threading  the owning worker
class BatchPacer {
public:
    static constexpr double kBusy = 60'000;          // datagrams per second from which on it waits
    static constexpr std::size_t kFew = 4;           // a wake that brought as many has no need to
    static constexpr Nanoseconds kWait{40'000};
    static constexpr Nanoseconds kWindow{2'000'000};  // over which the rate is measured

    /// After a wake that ended at `now`; `datagrams` is all that were ever received. How long to wait, or 0.
    Nanoseconds after_wake(Instant now, std::uint64_t datagrams) noexcept {
        const std::uint64_t brought = datagrams - last_;
        last_ = datagrams;
        const Nanoseconds elapsed = now - window_from_;
        if (elapsed >= kWindow) {
            const double rate = static_cast<double>(datagrams - window_datagrams_) * 1e9 / static_cast<double>(elapsed.count());
            busy_ = rate >= kBusy;
            window_from_ = now;
            window_datagrams_ = datagrams;
        }
        return busy_ && brought < kFew ? kWait : Nanoseconds::zero();
    }

private:
    Instant window_from_{};
    std::uint64_t window_datagrams_ = 0, last_ = 0;
    bool busy_ = false;
};

}  // namespace turnpike::net
