#include "common/cluster/event_thread.hpp"

#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <thread>

#include "common/base/assert.hpp"

namespace turnpike::cluster {

struct EventThread::State {
    event_base* base = nullptr;
    int doorbell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    event* doorbell_event = nullptr;
    std::mutex mutex;
    std::vector<Task> posted;
    std::thread thread;
    bool stop = false;  // on the thread

    static void rung(evutil_socket_t fd, short, void* argument) {
        auto* state = static_cast<State*>(argument);
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(static_cast<int>(fd), &count, sizeof count);
        std::vector<Task> tasks;
        {
            const std::lock_guard lock{state->mutex};
            tasks.swap(state->posted);
        }
        for (Task& task : tasks) task();
        if (state->stop) event_base_loopbreak(state->base);
    }

    void run() {
        // Signals are the main thread's. A write to a connection that its peer has closed is an
        // error to be handled, not a signal.
        sigset_t all;
        sigfillset(&all);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        pthread_setname_np(pthread_self(), "store");
        event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
        // Callbacks that libevent has put off hold what they are about, and let it go when they run.
        for (int i = 0; i < 8; ++i) event_base_loop(base, EVLOOP_NONBLOCK);
    }
};

EventThread::EventThread() : state_(std::make_unique<State>()) {
    event_config* config = event_config_new();
    TURNPIKE_ASSERT(config && state_->doorbell >= 0);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    state_->base = event_base_new_with_config(config);
    event_config_free(config);
    TURNPIKE_ASSERT(state_->base);
    state_->doorbell_event =
        event_new(state_->base, state_->doorbell, EV_READ | EV_PERSIST, &State::rung, state_.get());
    event_add(state_->doorbell_event, nullptr);
}

EventThread::~EventThread() {
    TURNPIKE_ASSERT(!state_->thread.joinable());
    event_free(state_->doorbell_event);
    event_base_free(state_->base);
    ::close(state_->doorbell);
}

void EventThread::start() {
    state_->thread = std::thread{[this] { state_->run(); }};
}

void EventThread::stop(Task last) {
    post([this, last = std::move(last)] {
        last();
        state_->stop = true;
    });
    state_->thread.join();
    // What was posted after `last` is not lost: it runs here, with the thread gone.
    for (;;) {
        std::vector<Task> tasks;
        {
            const std::lock_guard lock{state_->mutex};
            tasks.swap(state_->posted);
        }
        if (tasks.empty()) return;
        for (Task& task : tasks) task();
    }
}

void EventThread::post(Task task) {
    bool first = false;
    {
        const std::lock_guard lock{state_->mutex};
        first = state_->posted.empty();
        state_->posted.push_back(std::move(task));
    }
    if (!first) return;  // the bell has rung, and has not been answered
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(state_->doorbell, &one, sizeof one);
}

event_base* EventThread::base() const noexcept {
    return state_->base;
}

EventTimer::EventTimer(EventThread& thread, EventThread::Task task)
    : task_(std::move(task)), event_(event_new(thread.base(), -1, 0, &EventTimer::fired, this)) {
    TURNPIKE_ASSERT(event_);
}

EventTimer::~EventTimer() {
    event_free(event_);
}

void EventTimer::fired(int, short, void* self) {
    static_cast<EventTimer*>(self)->task_();
}

void EventTimer::start(Nanoseconds after) {
    const auto us =
        std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::microseconds>(after).count());
    const timeval time{us / 1'000'000, us % 1'000'000};
    event_add(event_, &time);
}

void EventTimer::stop() {
    event_del(event_);
}

bool EventTimer::running() const {
    return event_pending(event_, EV_TIMEOUT, nullptr) != 0;
}

}  // namespace turnpike::cluster
