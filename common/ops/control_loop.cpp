#include "common/ops/control_loop.hpp"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "common/base/assert.hpp"

namespace turnpike::ops {
namespace {

timeval to_timeval(Milliseconds duration) {
    timeval t{};
    t.tv_sec = duration.count() / 1000;
    t.tv_usec = duration.count() % 1000 * 1000;
    return t;
}

}  // namespace

struct ControlLoop::State {
    /// A timer or signal of the loop; it stays where it is, since libevent holds its address.
    struct Watch {
        event* source = nullptr;
        Task task;
        bool once = false;
        State* state = nullptr;
        ~Watch() {
            if (source) event_free(source);
        }
    };

    event_base* base = event_base_new();
    int doorbell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event* doorbell_event = nullptr;
    std::vector<std::unique_ptr<Watch>> watches;
    std::mutex mutex;
    std::vector<Task> posted;
    bool stop_wanted = false;

    static void fired(evutil_socket_t, short, void* argument) {
        auto* watch = static_cast<Watch*>(argument);
        if (!watch->once) {
            watch->task();
            return;
        }
        // Gone before it runs: the task may make the loop anything but this one.
        const Task task = std::move(watch->task);
        std::erase_if(watch->state->watches,
                      [&](const std::unique_ptr<Watch>& w) { return w.get() == watch; });
        task();
    }

    static void rung(evutil_socket_t fd, short, void* argument) {
        auto* state = static_cast<State*>(argument);
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(static_cast<int>(fd), &count, sizeof count);
        std::vector<Task> tasks;
        bool stop = false;
        {
            const std::lock_guard lock{state->mutex};
            tasks.swap(state->posted);
            stop = state->stop_wanted;
        }
        for (const Task& task : tasks) task();
        if (stop) event_base_loopbreak(state->base);
    }

    void ring() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t put = ::write(doorbell, &one, sizeof one);
    }

    Watch& watch(int fd, short what, Task task, bool once) {
        auto fresh = std::make_unique<Watch>();
        fresh->task = std::move(task);
        fresh->once = once;
        fresh->state = this;
        fresh->source = event_new(base, fd, what, &State::fired, fresh.get());
        TURNPIKE_ASSERT(fresh->source);
        watches.push_back(std::move(fresh));
        return *watches.back();
    }
};

ControlLoop::ControlLoop() : state_(std::make_unique<State>()) {
    TURNPIKE_ASSERT(state_->base && state_->doorbell >= 0);
    state_->doorbell_event =
        event_new(state_->base, state_->doorbell, EV_READ | EV_PERSIST, &State::rung, state_.get());
    event_add(state_->doorbell_event, nullptr);
}

ControlLoop::~ControlLoop() {
    state_->watches.clear();
    event_free(state_->doorbell_event);
    event_base_free(state_->base);
    ::close(state_->doorbell);
}

void ControlLoop::run() {
    event_base_loop(state_->base, EVLOOP_NO_EXIT_ON_EMPTY);
    const std::lock_guard lock{state_->mutex};
    state_->stop_wanted = false;
}

void ControlLoop::stop() {
    {
        const std::lock_guard lock{state_->mutex};
        state_->stop_wanted = true;
    }
    state_->ring();
}

void ControlLoop::on_signal(int signal, Task task) {
    State::Watch& watch = state_->watch(signal, EV_SIGNAL | EV_PERSIST, std::move(task), false);
    event_add(watch.source, nullptr);
}

void ControlLoop::handle_usual_signals(Task reload) {
    std::signal(SIGPIPE, SIG_IGN);
    on_signal(SIGTERM, [this] { stop(); });
    on_signal(SIGINT, [this] { stop(); });
    on_signal(SIGHUP, std::move(reload));
}

void ControlLoop::every(Milliseconds interval, Task task) {
    const timeval t = to_timeval(interval);
    event_add(state_->watch(-1, EV_PERSIST, std::move(task), false).source, &t);
}

void ControlLoop::after(Milliseconds delay, Task task) {
    const timeval t = to_timeval(delay);
    event_add(state_->watch(-1, 0, std::move(task), true).source, &t);
}

void ControlLoop::post(Task task) {
    {
        const std::lock_guard lock{state_->mutex};
        state_->posted.push_back(std::move(task));
    }
    state_->ring();
}

event_base* ControlLoop::base() noexcept {
    return state_->base;
}

}  // namespace turnpike::ops
