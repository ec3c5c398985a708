#pragma once

#include <mutex>

#include "common/cluster/event_thread.hpp"
#include "common/cluster/memory_database.hpp"
#include "common/cluster/store.hpp"
#include "common/cluster/watches.hpp"

namespace turnpike::cluster {

/// memory://: the state of one process, gone with it. Always up; the deadlines never pass.
class MemoryStore final : public Store {
public:
    explicit MemoryStore(const Clock& clock);
    ~MemoryStore() override;

    void submit(Command command, Milliseconds deadline, Callback done) override;
    WatchId watch(std::string channel, std::function<void()> woken) override;
    void unwatch(WatchId id) override;
    StoreStatus status() const override;

private:
    void note_error(const StoreError& error) override;
    WallTime moment();

    const Clock& clock_;
    // On the thread:
    MemoryDatabase database_;
    WallTime latest_{};
    // Of all threads:
    mutable std::mutex mutex_;
    StoreStatus status_;
    Watches watches_;

    EventThread thread_;
    EventTimer sweep_;
};

}  // namespace turnpike::cluster
