#include "common/cluster/bus.hpp"

#include <atomic>
#include <utility>

namespace turnpike::cluster {
namespace {

constexpr Milliseconds kReadWithin{1000};
constexpr unsigned kBatch = 256;

}  // namespace

struct Bus::Follower {
    std::string stream;
    Handler handler;
    std::atomic<bool> gone{false};
    Store::WatchId watch = 0;
    // On the store's thread:
    std::optional<StreamId> position;
    bool restarted = false;
    bool reading = false;
    bool woken = false;  // while reading: look again
};

Bus::~Bus() {
    for (const auto& [id, follower] : followers_) {
        follower->gone = true;
        store_.unwatch(follower->watch);
    }
}

Bus::FollowId Bus::follow(std::string stream, std::optional<StreamId> after, Handler handler) {
    auto follower = std::make_shared<Follower>();
    follower->stream = stream;
    follower->position = after;
    follower->handler = std::move(handler);
    const std::lock_guard lock{mutex_};
    follower->watch =
        store_.watch(std::move(stream), [&store = store_, follower] { look(store, follower); });
    const FollowId id = follower->watch;
    followers_.emplace(id, std::move(follower));
    return id;
}

void Bus::unfollow(FollowId id) {
    const std::lock_guard lock{mutex_};
    const auto at = followers_.find(id);
    if (at == followers_.end()) return;
    at->second->gone = true;
    store_.unwatch(id);
    followers_.erase(at);
}

// The last entry tells all: nothing new, something new, or that the stream has gone back.
void Bus::look(Store& store, const std::shared_ptr<Follower>& follower) {
    if (follower->gone) return;
    if (std::exchange(follower->reading, true)) {
        follower->woken = true;
        return;
    }
    store.run<std::optional<StreamId>>(query::last_entry(follower->stream), kReadWithin,
                                       [&store, follower](Outcome<std::optional<StreamId>> last) {
                                           if (!last) {
                                               // Woken again when the store is back, and every few
                                               // seconds.
                                               follower->reading = follower->woken = false;
                                               return;
                                           }
                                           const StreamId end = last->value_or(StreamId{});
                                           if (!follower->position) follower->position = end;
                                           if (end < *follower->position) {
                                               follower->position = StreamId{};
                                               follower->restarted = true;
                                           }
                                           if (end == *follower->position)
                                               return rest(store, follower);
                                           read(store, follower);
                                       });
}

void Bus::read(Store& store, const std::shared_ptr<Follower>& follower) {
    store.run<std::vector<StreamEntry>>(
        query::entries_after(follower->stream, *follower->position, kBatch), kReadWithin,
        [&store, follower](Outcome<std::vector<StreamEntry>> entries) {
            const bool good = entries && !entries->empty() &&
                              entries->front().id > *follower->position && !follower->gone;
            if (!good) return rest(store, follower);
            const bool more = entries->size() == kBatch;
            follower->position = entries->back().id;
            follower->handler({std::move(*entries), std::exchange(follower->restarted, false)});
            if (more) return read(store, follower);
            rest(store, follower);
        });
}

void Bus::rest(Store& store, const std::shared_ptr<Follower>& follower) {
    follower->reading = false;
    if (std::exchange(follower->woken, false)) look(store, follower);
}

}  // namespace turnpike::cluster
