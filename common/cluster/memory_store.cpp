#include "common/cluster/memory_store.hpp"

#include <algorithm>

#include "common/cluster/reply_reading.hpp"

namespace turnpike::cluster {
namespace {

constexpr Seconds kSweep{1};

}  // namespace

MemoryStore::MemoryStore(const Clock& clock)
    : clock_(clock), sweep_(thread_, [this] {
          database_.sweep(moment());
          sweep_.start(kSweep);
      }) {
    status_.state = StoreStatus::State::Up;
    status_.since = clock_.now();
    status_.connects = 1;
    status_.server = "memory";
    sweep_.start(kSweep);
    thread_.start();
}

MemoryStore::~MemoryStore() {
    thread_.stop([] {});
}

// Leases are counted by this clock: it must not go back with the machine's.
WallTime MemoryStore::moment() {
    return latest_ = std::max(latest_, clock_.wall());
}

void MemoryStore::submit(Command command, Milliseconds, Callback done) {
    thread_.post([this, command = std::move(command), done = std::move(done)] {
        Reply reply = database_.execute(command, moment());
        if (reply.is(Reply::Type::Error)) {
            done(std::unexpected{reading::error_of(reply.text)});
        } else {
            done(std::move(reply));
        }
        for (const std::string& channel : database_.take_published()) watches_.wake(channel);
    });
}

Store::WatchId MemoryStore::watch(std::string channel, std::function<void()> woken) {
    const WatchId id = watches_.add(std::move(channel), std::move(woken));
    thread_.post([this, id] { watches_.wake_one(id); });
    return id;
}

void MemoryStore::unwatch(WatchId id) {
    watches_.remove(id);
}

StoreStatus MemoryStore::status() const {
    const std::lock_guard lock{mutex_};
    return status_;
}

void MemoryStore::note_error(const StoreError& error) {
    const std::lock_guard lock{mutex_};
    if (error.kind == StoreError::Kind::BadReply) ++status_.bad_replies;
    status_.last_error = error.detail;
}

}  // namespace turnpike::cluster
