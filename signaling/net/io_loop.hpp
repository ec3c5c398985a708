#pragma once

#include <functional>
#include <memory>

#include "common/base/clock.hpp"

namespace turnpike::signaling {

/// The thread of the WebSockets: an Asio io_context, named here without its headers.
///
/// Lifetime   what still waits is dropped with the loop
/// Threading  run() on the thread that is to be it; post() and stop() from any thread; every() on it,
///            or before it runs
class IoLoop {
public:
    using Task = std::function<void()>;

    IoLoop();
    ~IoLoop();
    IoLoop(const IoLoop&) = delete;
    IoLoop& operator=(const IoLoop&) = delete;

    /// Turns until stop(), whether there is something to do or not.
    void run();
    void stop();
    void post(Task task);
    /// The first time after one interval.
    void every(Milliseconds interval, Task task);
    void after(Milliseconds delay, Task task);

    struct State;
    State& state() noexcept { return *state_; }

private:
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::signaling
