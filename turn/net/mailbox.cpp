#include "turn/net/mailbox.hpp"

#include <sys/eventfd.h>

#include <cstdint>

#include "common/base/assert.hpp"

namespace turnpike::net {
namespace {

// Letters opened per wake: sockets get their turn in between.
constexpr int kOpenedMax = 512;

}  // namespace

Mailbox::Mailbox() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { TURNPIKE_ASSERT(bell_); }

Mailbox::~Mailbox() {
    while (pop()) {
    }
}

void Mailbox::attach(const EventLoop& loop) {
    event_ = Event::readable(loop, bell_.get(), &call<&Mailbox::open_some, Mailbox>, this);
    event_.start();
}

void Mailbox::post(std::unique_ptr<Letter> letter) noexcept {
    push(letter.release());
    // Linked before the bell is rung: a reader that saw a half-made link is woken again.
    if (!rung_.exchange(true)) ring();
}

void Mailbox::ring() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
}

void Mailbox::push(Letter* letter) noexcept {
    letter->next_.store(nullptr, std::memory_order_relaxed);
    Letter* const previous = head_.exchange(letter, std::memory_order_acq_rel);
    previous->next_.store(letter, std::memory_order_release);
}

std::unique_ptr<Letter> Mailbox::pop() noexcept {
    Letter* tail = tail_;
    Letter* next = tail->next_.load(std::memory_order_acquire);
    if (tail == &stub_) {
        if (next == nullptr) return {};
        tail_ = tail = next;
        next = tail->next_.load(std::memory_order_acquire);
    }
    if (next == nullptr) {
        // The last one can only go when the stub is behind it.
        if (tail != head_.load(std::memory_order_acquire)) return {};  // a push is half done
        push(&stub_);
        next = tail->next_.load(std::memory_order_acquire);
        if (next == nullptr) return {};
    }
    tail_ = next;
    return std::unique_ptr<Letter>{tail};
}

void Mailbox::open_some() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(bell_.get(), &count, sizeof count);
    // An exchange, not a store: it sees what was linked before a bell that was not rung again.
    rung_.exchange(false);
    for (int i = 0; i < kOpenedMax; ++i) {
        const auto letter = pop();
        if (!letter) return;
        letter->open();
    }
    if (!rung_.exchange(true)) ring();
}

}  // namespace turnpike::net
