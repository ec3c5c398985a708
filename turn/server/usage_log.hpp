#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/clock.hpp"
#include "common/ops/client_ip.hpp"
#include "common/ops/control_loop.hpp"
#include "common/ops/log.hpp"
#include "common/ops/metrics.hpp"
#include "turn/core/actions.hpp"

namespace turnpike::relay {

/// What workers report, turned into log lines on the control thread: one usage record per closed
/// allocation
/// ("allocation.closed": bytes and packets both ways, reason, subject, duration).
///
/// Workers only copy into a bounded queue; what does not fit is counted as lost.
///
/// Lifetime   borrows everything it is given
/// Threading  report() from any; the rest on the control loop
class UsageLog {
public:
    static constexpr std::size_t kQueueMax = 262'144;  // a node that stops ends a hundred thousand at once

    static constexpr Milliseconds kDrainAfter{50};

    UsageLog(ops::ControlLoop& loop, ops::Log& log, ops::ClientIpPrivacy privacy,
             const Clock& clock);

    void report(const core::Action& action);
    /// Writes what waits. At the end, when the loop no longer turns.
    void drain();

    const ops::Histogram& durations() const noexcept { return durations_; }
    std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

private:
    void write(const core::AllocationOpened& opened);
    void write(const core::ClientMoved& moved);
    void write(const core::AllocationClosed& closed);
    void write(const core::RequestRefused& refused);

    ops::ControlLoop& loop_;
    ops::Log& log_;
    ops::ClientIpPrivacy privacy_;
    const Clock& clock_;
    ops::Histogram durations_;
    std::atomic<std::uint64_t> lost_{0};
    std::mutex mutex_;
    std::vector<core::Action> queue_;
    bool awaited_ = false;  // a drain is
};

}  // namespace turnpike::relay
