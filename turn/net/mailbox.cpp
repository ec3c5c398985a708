#include "turn/net/mailbox.hpp"

namespace turnpike::net {
namespace {

// Letters opened per wake: sockets get their turn in between.
constexpr int kOpenedMax = 512;

}  // namespace

Mailbox::~Mailbox() {
    while (pop()) {
    }
}

void Mailbox::attach(const EventLoop& loop) {
    bell_.attach(loop, &call<&Mailbox::open_some, Mailbox>, this);
}

void Mailbox::post(std::unique_ptr<Letter> letter) noexcept {
    push(letter.release());
    // Linked before the bell is rung: a reader that saw a half-made link is woken again.
    bell_.ring();
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
    bell_.answer();
    for (int i = 0; i < kOpenedMax; ++i) {
        const auto letter = pop();
        if (!letter) return;
        letter->open();
    }
    bell_.ring();
}

}  // namespace turnpike::net
