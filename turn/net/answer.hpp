#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace turnpike::net {

/// One value that a worker gives and another thread waits for. Shared by both, since either may
/// be gone first.
template <typename Value>
class Answer {
public:
    void give(Value value) {
        const std::lock_guard lock{mutex_};
        value_ = std::move(value);
        given_.notify_all();
    }
    /// Nothing when it takes longer.
    std::optional<Value> wait(std::chrono::steady_clock::duration at_most) {
        std::unique_lock lock{mutex_};
        given_.wait_for(lock, at_most, [this] { return value_.has_value(); });
        return std::move(value_);
    }

private:
    std::mutex mutex_;
    std::condition_variable given_;
    std::optional<Value> value_;
};

}  // namespace turnpike::net
