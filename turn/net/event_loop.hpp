#pragma once

#include <memory>

#include "common/base/clock.hpp"

struct event;
struct event_base;

namespace turnpike::net {

/// A worker's libevent loop. Used by its own thread only, so it has no locks.
class EventLoop {
public:
    EventLoop();
    event_base* base() const noexcept { return base_.get(); }
    /// Waits for something to happen and runs every callback that is due.
    void turn();

private:
    struct Deleter {
        void operator()(event_base* base) const noexcept;
    };
    std::unique_ptr<event_base, Deleter> base_;
};

/// One registration with the loop: a descriptor's readiness, or a timer.
class Event {
public:
    using Callback = void (*)(int fd, short what, void* owner);

    Event() noexcept = default;
    /// Persistent: stays until removed.
    static Event readable(const EventLoop& loop, int fd, Callback callback, void* owner);
    static Event writable(const EventLoop& loop, int fd, Callback callback, void* owner);
    /// Fires once per start().
    static Event timer(const EventLoop& loop, Callback callback, void* owner);

    void start() noexcept;
    void start(Nanoseconds after) noexcept;
    void stop() noexcept;
    /// Runs the callback in the loop's next round as if the descriptor were ready.
    void activate() noexcept;
    explicit operator bool() const noexcept { return event_ != nullptr; }

private:
    struct Deleter {
        void operator()(event* e) const noexcept;
    };
    explicit Event(event* e) noexcept : event_(e) {}
    std::unique_ptr<event, Deleter> event_;
};

/// Makes a Callback of a member function.
template <auto Method, typename Owner>
void call(int, short, void* owner) {
    (static_cast<Owner*>(owner)->*Method)();
}

}  // namespace turnpike::net
