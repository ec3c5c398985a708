#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/base/clock.hpp"

struct event;
struct event_base;

namespace turnpike::cluster {

/// A thread with a libevent loop of its own, and closures that other threads hand in: the Redis
/// thread. It sleeps when nothing is due.
///
/// Threading  post() from any thread; the rest on the thread itself, and before start()
class EventThread {
public:
    using Task = std::function<void()>;

    EventThread();
    ~EventThread();  // after stop()
    EventThread(const EventThread&) = delete;
    EventThread& operator=(const EventThread&) = delete;

    void start();
    /// Runs what has been posted, then `last`, and ends the thread; what `last` and its like post
    /// is run by the caller. Not on the thread itself.
    void stop(Task last);
    /// In the order of the calls.
    void post(Task task);
    event_base* base() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Fires once per start().
class EventTimer {
public:
    EventTimer(EventThread& thread, EventThread::Task task);
    ~EventTimer();
    EventTimer(const EventTimer&) = delete;
    EventTimer& operator=(const EventTimer&) = delete;

    void start(Nanoseconds after);
    void stop();
    bool running() const;

private:
    static void fired(int, short, void* self);
    EventThread::Task task_;
    event* event_;
};

}  // namespace turnpike::cluster
