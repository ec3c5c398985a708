#include "signaling/net/io_loop.hpp"

#include "signaling/net/asio.hpp"

namespace turnpike::signaling {
namespace {

asio::awaitable<void> repeat(asio::io_context& context, Milliseconds interval, IoLoop::Task task) {
    asio::steady_timer timer{context};
    for (;;) {
        timer.expires_after(interval);
        const auto outcome = co_await timer.async_wait(kOutcome);
        if (std::get<0>(outcome)) co_return;
        task();
    }
}

asio::awaitable<void> once(asio::io_context& context, Milliseconds delay, IoLoop::Task task) {
    asio::steady_timer timer{context};
    timer.expires_after(delay);
    const auto outcome = co_await timer.async_wait(kOutcome);
    if (!std::get<0>(outcome)) task();
}

}  // namespace

IoLoop::IoLoop() : state_(std::make_unique<State>()) {}
IoLoop::~IoLoop() = default;

void IoLoop::run() { state_->context.run(); }
void IoLoop::stop() { state_->context.stop(); }
void IoLoop::post(Task task) { asio::post(state_->context, std::move(task)); }

void IoLoop::every(Milliseconds interval, Task task) {
    asio::co_spawn(state_->context, repeat(state_->context, interval, std::move(task)), asio::detached);
}
void IoLoop::after(Milliseconds delay, Task task) {
    asio::co_spawn(state_->context, once(state_->context, delay, std::move(task)), asio::detached);
}

}  // namespace turnpike::signaling
