#include "turn/server/usage_log.hpp"

#include <utility>

namespace turnpike::relay {
namespace {

/// Refusals that tell an operator something; the others are every client's first request, or a
/// stranger's.
bool worth_a_line(stun::ErrorCode code) {
    return code == stun::ErrorCode::AllocationQuotaReached ||
           code == stun::ErrorCode::InsufficientCapacity || code == stun::ErrorCode::ServerError;
}

}  // namespace

UsageLog::UsageLog(ops::ControlLoop& loop, ops::Log& log, ops::ClientIpPrivacy privacy,
                   const Clock& clock)
    : loop_(loop),
      log_(log),
      privacy_(privacy),
      clock_(clock),
      durations_({1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14'400, 43'200}) {}

void UsageLog::report(const core::Action& action) {
    if (const auto* refused = std::get_if<core::RequestRefused>(&action);
        refused && !worth_a_line(refused->code))
        return;
    const bool begins_or_moves = std::holds_alternative<core::AllocationOpened>(action) ||
                                 std::holds_alternative<core::ClientMoved>(action);
    if (begins_or_moves && !log_.enabled(ops::Level::Debug)) return;
    bool first = false;
    {
        const std::lock_guard lock{mutex_};
        if (queue_.size() >= kQueueMax) {
            lost_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        queue_.push_back(action);
        first = !std::exchange(awaited_, true);
    }
    // Not at once: waking another thread for each would cost more than the allocation.
    if (first) loop_.post([this] { loop_.after(kDrainAfter, [this] { drain(); }); });
}

void UsageLog::drain() {
    std::vector<core::Action> waiting;
    {
        const std::lock_guard lock{mutex_};
        waiting.swap(queue_);
        awaited_ = false;
    }
    for (const core::Action& action : waiting) {
        if (const auto* opened = std::get_if<core::AllocationOpened>(&action))
            write(*opened);
        else if (const auto* moved = std::get_if<core::ClientMoved>(&action))
            write(*moved);
        else if (const auto* closed = std::get_if<core::AllocationClosed>(&action))
            write(*closed);
        else if (const auto* refused = std::get_if<core::RequestRefused>(&action))
            write(*refused);
    }
}

void UsageLog::write(const core::AllocationOpened& opened) {
    log_.debug("allocation.opened",
               {{"allocation", opened.id.value},
                {"subject", opened.subject},
                {"realm", opened.realm},
                {"transport", to_string(opened.tuple.transport)},
                {"client", privacy_.show(opened.tuple.client.address, clock_.wall())},
                {"relayed", opened.relayed.to_string()}});
}

void UsageLog::write(const core::ClientMoved& moved) {
    log_.debug("allocation.moved",
               {{"allocation", moved.id.value},
                {"transport", to_string(moved.to.transport)},
                {"from", privacy_.show(moved.from.client.address, clock_.wall())},
                {"client", privacy_.show(moved.to.client.address, clock_.wall())}});
}

void UsageLog::write(const core::AllocationClosed& closed) {
    const double seconds = std::chrono::duration<double>(closed.duration).count();
    durations_.observe(seconds);
    log_.info("allocation.closed",
              {{"allocation", closed.id.value},
               {"reason", core::to_string(closed.reason)},
               {"subject", closed.subject},
               {"realm", closed.realm},
               {"transport", to_string(closed.tuple.transport)},
               {"client", privacy_.show(closed.tuple.client.address, clock_.wall())},
               {"relayed", closed.relayed.to_string()},
               {"duration_seconds", seconds},
               {"bytes_to_peer", closed.traffic.bytes_to_peer},
               {"packets_to_peer", closed.traffic.packets_to_peer},
               {"bytes_to_client", closed.traffic.bytes_to_client},
               {"packets_to_client", closed.traffic.packets_to_client}});
}

void UsageLog::write(const core::RequestRefused& refused) {
    log_.limited(
        ops::Level::Warning, 10s, "request.refused",
        {{"code", static_cast<unsigned>(refused.code)}, {"reason", stun::reason(refused.code)}});
}

}  // namespace turnpike::relay
