#include "turn/net/bell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "common/base/assert.hpp"

namespace turnpike::net {

Bell::Bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { TURNPIKE_ASSERT(fd_); }

void Bell::attach(const EventLoop& loop, Event::Callback heard, void* owner) {
    event_ = Event::readable(loop, fd_.get(), heard, owner);
    event_.start();
}

void Bell::pull() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void Bell::answer() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(fd_.get(), &count, sizeof count);
    // An exchange, not a store: it sees what was left before a ring that pulled nothing.
    rung_.exchange(false);
}

}  // namespace turnpike::net
