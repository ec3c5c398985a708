#pragma once

#include <atomic>

#include "turn/net/event_loop.hpp"
#include "turn/net/file_descriptor.hpp"

namespace turnpike::net {

/// Wakes a worker when another thread left something for it: an eventfd that is rung once for many.
///
/// What was left before ring() is seen by whoever looks after answer(), on every machine.
///
/// Threading  ring() any; the rest the owning worker
class Bell {
public:
    Bell();

    void ring() noexcept {
        if (!rung_.exchange(true)) pull();
    }
    /// From now on `heard` is called when it was rung. It calls answer() first, then looks.
    void attach(const EventLoop& loop, Event::Callback heard, void* owner);
    void answer() noexcept;

private:
    void pull() noexcept;

    std::atomic<bool> rung_{false};
    FileDescriptor fd_;
    Event event_;
};

}  // namespace turnpike::net
