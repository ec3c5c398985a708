#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "turn/net/bell.hpp"

namespace turnpike::net {

/// Something that one thread leaves for a worker to do.
class Letter {
public:
    virtual ~Letter() = default;
    /// On the receiving worker's thread.
    virtual void open() = 0;

private:
    friend class Mailbox;
    std::atomic<Letter*> next_{nullptr};
};

/// A worker's queue of letters from other threads: lock-free, many writers and one reader, with a
/// bell that wakes the reader.
///
/// Letters are opened in an order that agrees with causality: if one push happened before another,
/// on whatever threads, its letter is opened first. Moves between workers rely on this.
///
/// Threading  post() any; the rest the owning worker
/// Source     D. Vyukov, intrusive MPSC node-based queue
class Mailbox {
public:
    Mailbox() = default;
    ~Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    void post(std::unique_ptr<Letter> letter) noexcept;
    /// Posts a callable, which may own things that move only.
    template <typename Task>
    void post_task(Task task) {
        post(std::make_unique<TaskLetter<Task>>(std::move(task)));
    }

    /// From now on the loop opens what comes in.
    void attach(const EventLoop& loop);

private:
    template <typename Task>
    struct TaskLetter final : Letter {
        explicit TaskLetter(Task t) : task(std::move(t)) {}
        void open() override { task(); }
        Task task;
    };
    struct Stub final : Letter {
        void open() override {}
    };

    void push(Letter* letter) noexcept;
    std::unique_ptr<Letter> pop() noexcept;
    void open_some();

    Stub stub_;
    std::atomic<Letter*> head_{&stub_};  // writers' end
    Letter* tail_ = &stub_;              // reader's end
    Bell bell_;
};

}  // namespace turnpike::net
