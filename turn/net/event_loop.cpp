#include "turn/net/event_loop.hpp"

#include <event2/event.h>

#include "common/base/assert.hpp"

namespace turnpike::net {

void EventLoop::Deleter::operator()(event_base* base) const noexcept { ::event_base_free(base); }

EventLoop::EventLoop() {
    event_config* config = ::event_config_new();
    TURNPIKE_ASSERT(config != nullptr);
    ::event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base_.reset(::event_base_new_with_config(config));
    ::event_config_free(config);
    TURNPIKE_ASSERT(base_ != nullptr);
}

void EventLoop::turn() { ::event_base_loop(base_.get(), EVLOOP_ONCE); }

void Event::Deleter::operator()(event* e) const noexcept { ::event_free(e); }  // removes it first

Event Event::readable(const EventLoop& loop, int fd, Callback callback, void* owner) {
    Event e{::event_new(loop.base(), fd, EV_READ | EV_PERSIST, callback, owner)};
    TURNPIKE_ASSERT(e);
    return e;
}
Event Event::writable(const EventLoop& loop, int fd, Callback callback, void* owner) {
    Event e{::event_new(loop.base(), fd, EV_WRITE | EV_PERSIST, callback, owner)};
    TURNPIKE_ASSERT(e);
    return e;
}
Event Event::timer(const EventLoop& loop, Callback callback, void* owner) {
    Event e{::event_new(loop.base(), -1, 0, callback, owner)};
    TURNPIKE_ASSERT(e);
    return e;
}

void Event::start() noexcept { ::event_add(event_.get(), nullptr); }
void Event::start(Nanoseconds after) noexcept {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(after).count();
    const timeval time{us / 1'000'000, us % 1'000'000};
    ::event_add(event_.get(), &time);
}
void Event::stop() noexcept { ::event_del(event_.get()); }
void Event::activate() noexcept { ::event_active(event_.get(), EV_READ, 0); }

}  // namespace turnpike::net
