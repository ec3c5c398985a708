#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/cluster/queries.hpp"
#include "common/cluster/store.hpp"

namespace turnpike::cluster {

/// Streams as a bus: whoever follows one gets every entry, in order, each once, however often the
/// store went away in between. Publishing only wakes; what is delivered was read from the stream.
///
/// Two things it cannot give: entries that were cut off the stream (query::append's `most`) before
/// they were read; and after a stream has gone back (flushed, restored, failed over to a replica
/// without the last entries) it is delivered again from its beginning, the first batch marked
/// `restarted`. So what entries ask for must be safe to do twice.
///
/// Lifetime   borrows the store; followers end with the bus
/// Threading  any; handlers run on the store's thread
class Bus {
public:
    struct Batch {
        std::vector<StreamEntry> entries;  // at least one
        bool restarted = false;
    };
    using Handler = std::function<void(const Batch&)>;
    using FollowId = std::uint64_t;

    explicit Bus(Store& store) : store_(store) {}
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    /// Delivers what comes after that id; without one, what is appended from about now on.
    FollowId follow(std::string stream, std::optional<StreamId> after, Handler handler);
    /// As Store::unwatch: a handler that runs on another thread may still be running.
    void unfollow(FollowId id);

private:
    struct Follower;
    static void look(Store& store, const std::shared_ptr<Follower>& follower);
    static void read(Store& store, const std::shared_ptr<Follower>& follower);
    static void rest(Store& store, const std::shared_ptr<Follower>& follower);

    Store& store_;
    std::mutex mutex_;
    std::map<FollowId, std::shared_ptr<Follower>> followers_;
};

}  // namespace turnpike::cluster
