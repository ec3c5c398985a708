#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.hpp"

struct event_base;

namespace turnpike::ops {

/// The main thread's event loop: signals, timers, and closures that other threads hand in. Admin
/// and metrics endpoints live on it. It never touches a packet.
///
/// Lifetime   callbacks are dropped with the loop, timers and signals stay armed until then
/// Threading  post() and stop() from any thread; the rest on the thread that runs it
class ControlLoop {
public:
    using Task = std::function<void()>;

    ControlLoop();
    ~ControlLoop();
    ControlLoop(const ControlLoop&) = delete;
    ControlLoop& operator=(const ControlLoop&) = delete;

    /// Turns until stop().
    void run();
    void stop();

    void on_signal(int signal, Task task);
    /// SIGTERM and SIGINT call stop(); SIGHUP calls `reload`; SIGPIPE is ignored.
    void handle_usual_signals(Task reload);
    void every(Milliseconds interval, Task task);
    void after(Milliseconds delay, Task task);
    void post(Task task);

    event_base* base() noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::ops
