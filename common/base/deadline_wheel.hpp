#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/assert.hpp"
#include "common/base/clock.hpp"

namespace turnpike {

/// A timer wheel: deadlines as data, arm and cancel in O(1), expiry in O(due).
///
/// `Value` is a small copyable thing that tells the owner what ended. A deadline fires at the first
/// advance() at or after the end of its tick: never before the deadline, less than one tick after
/// it. Deadlines further away than one turn wait in their slot for more turns. Those due together
/// fire in no particular order. Whoever asks next_deadline() sleeps until something is due.
///
/// Threading  one thread.
template <typename Value>
class DeadlineWheel {
public:
    static constexpr Nanoseconds kTick = 100ms;
    static constexpr std::size_t kSlots = 1024;  // a turn is 102.4 s

    /// Names an armed deadline; a stale handle is harmless.
    struct Handle {
        std::uint32_t index = kNone;
        std::uint32_t generation = 0;
        explicit operator bool() const noexcept { return index != kNone; }
    };

    DeadlineWheel() noexcept {
        heads_.fill(kNone);
        earliest_.fill(kNever);
    }

    Handle arm(Instant deadline, Value value) {
        const std::uint32_t index = take_node();
        Node& node = nodes_[index];
        node.value = std::move(value);
        node.deadline = deadline;
        link(index);
        ++armed_;
        return {index, node.generation};
    }

    void cancel(Handle handle) noexcept {
        if (handle.index >= nodes_.size() || nodes_[handle.index].generation != handle.generation) return;
        unlink(handle.index);
        release(handle.index);
    }

    /// Moves the deadline; arms anew when the handle is stale.
    Handle rearm(Handle handle, Instant deadline, Value value) {
        cancel(handle);
        return arm(deadline, std::move(value));
    }

    std::size_t armed() const noexcept { return armed_; }

    /// Calls `due(Value)` for each deadline at or before `now`. `due` may arm and cancel.
    template <typename Due>
    void advance(Instant now, Due&& due) {
        const std::int64_t target = now.time_since_epoch() / kTick;
        // A turn back is enough after a long pause, and needed the first time: deadlines may have
        // been armed, and ended, before it.
        const std::int64_t turn_back = target - static_cast<std::int64_t>(kSlots);
        if (!started_ || current_ < turn_back) current_ = turn_back;
        started_ = true;
        for (;;) {
            drain(slot_of(current_), now, due);
            if (current_ >= target) break;
            ++current_;
        }
        drain(kOverdue, now, due);
        if (first_ <= now) first_ = *std::min_element(earliest_.begin(), earliest_.end());
    }

    /// When to call advance() next: at the end of the first armed deadline's tick, or early, where that one
    /// was cancelled. Nothing when nothing is armed.
    std::optional<Instant> next_deadline(Instant now) const noexcept {
        if (armed_ == 0) return {};
        return std::max(now, Instant{tick_of(first_) * kTick});
    }

private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    static constexpr std::size_t kOverdue = kSlots;
    static constexpr Instant kNever = Instant::max();

    struct Node {
        Value value{};
        Instant deadline{};
        std::uint32_t previous = kNone, next = kNone;
        std::uint32_t slot = 0;
        std::uint32_t generation = 1;
    };

    // Rounded up: the slot's turn comes at or after the deadline.
    static constexpr std::int64_t tick_of(Instant deadline) noexcept {
        const Nanoseconds since = deadline.time_since_epoch();
        return since / kTick + (since % kTick > Nanoseconds{0} ? 1 : 0);
    }
    static constexpr std::size_t slot_of(std::int64_t tick) noexcept {
        return static_cast<std::size_t>(tick) % kSlots;  // kSlots is a power of two: negative ticks too
    }

    std::uint32_t take_node() {
        if (free_ != kNone) {
            const std::uint32_t index = free_;
            free_ = nodes_[index].next;
            return index;
        }
        nodes_.emplace_back();
        return static_cast<std::uint32_t>(nodes_.size() - 1);
    }

    void release(std::uint32_t index) noexcept {
        Node& node = nodes_[index];
        ++node.generation;
        node.value = Value{};
        node.next = free_;
        free_ = index;
        --armed_;
    }

    void link(std::uint32_t index) noexcept {
        Node& node = nodes_[index];
        const std::int64_t tick = tick_of(node.deadline);
        const bool overdue = started_ && tick <= current_;
        node.slot = static_cast<std::uint32_t>(overdue ? kOverdue : slot_of(tick));
        node.previous = kNone;
        node.next = heads_[node.slot];
        if (node.next != kNone) nodes_[node.next].previous = index;
        heads_[node.slot] = index;
        earliest_[node.slot] = std::min(earliest_[node.slot], node.deadline);
        first_ = std::min(first_, node.deadline);
    }

    void unlink(std::uint32_t index) noexcept {
        Node& node = nodes_[index];
        if (node.previous != kNone) {
            nodes_[node.previous].next = node.next;
        } else {
            heads_[node.slot] = node.next;
        }
        if (node.next != kNone) nodes_[node.next].previous = node.previous;
    }

    template <typename Due>
    void drain(std::size_t slot, Instant now, Due& due) {
        if (earliest_[slot] > now) return;  // what is in it waits for another turn
        // Due nodes are collected first: `due` may arm into this very slot.
        std::vector<Handle>& ready = ready_;
        ready.clear();
        earliest_[slot] = kNever;
        for (std::uint32_t at = heads_[slot]; at != kNone; at = nodes_[at].next) {
            if (nodes_[at].deadline <= now) ready.push_back({at, nodes_[at].generation});
            else earliest_[slot] = std::min(earliest_[slot], nodes_[at].deadline);
        }
        std::vector<Handle> batch;
        batch.swap(ready);
        for (const Handle handle : batch) {
            Node& node = nodes_[handle.index];
            if (node.generation != handle.generation) continue;  // cancelled by an earlier one
            Value value = std::move(node.value);
            unlink(handle.index);
            release(handle.index);
            due(std::move(value));
        }
        batch.clear();
        if (ready_.capacity() < batch.capacity()) ready_.swap(batch);
    }

    std::vector<Node> nodes_;
    std::array<std::uint32_t, kSlots + 1> heads_;
    std::array<Instant, kSlots + 1> earliest_;  // of each slot, or something before it
    Instant first_ = kNever;                    // of all of them, likewise
    std::vector<Handle> ready_;
    std::uint32_t free_ = kNone;
    std::size_t armed_ = 0;
    std::int64_t current_ = 0;  // the tick whose slot was drained last, once started_
    bool started_ = false;
};

}  // namespace turnpike
