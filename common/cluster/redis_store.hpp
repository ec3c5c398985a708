#pragma once

#include <expected>
#include <memory>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"
#include "common/cluster/reply_framer.hpp"
#include "common/cluster/store.hpp"
#include "common/cluster/store_url.hpp"

namespace turnpike::cluster {

class RedisCore;

struct RedisStoreOptions {
    std::size_t queue_most = 10'000;  // commands that wait or are under way
    std::size_t queue_bytes_most = 16 << 20;
    unsigned misses = 4;
    Milliseconds probe_within = 250ms;
    Milliseconds back_off_least = 50ms, back_off_most = 2s;
    Milliseconds connect_within = 3s;  // TLS and greeting included
    Milliseconds silent_most = 5s;     // before a connection is given up
    Milliseconds watch_poll = 5s;
    ReplyFramer::Limits limits;
};

/// Redis: one server, a master that sentinels watch, or Redis Cluster. One thread of its own has
/// the connections; commands are pipelined on one per server, and watches have another.
///
/// A server that is away is tried again after 50 ms to 2 s, half of it by chance. Its breaker opens
/// when it cannot be reached or `misses` (of the options) commands in a row had no answer in time;
/// while it is open commands fail at once, and a PING of ours finds out when it may close. See
/// docs/redis-schema.md.
class RedisStore final : public Store {
public:
    /// Begins to connect; that the server is away is no error here. Errors: a URL whose files
    /// cannot be read, as the end of a sentence about the URL. `url` is none of memory://.
    static std::expected<std::unique_ptr<RedisStore>, std::string> open(
        StoreUrl url, const Clock& clock, Random& random, RedisStoreOptions options = {});
    ~RedisStore() override;

    void submit(Command command, Milliseconds deadline, Callback done) override;
    WatchId watch(std::string channel, std::function<void()> woken) override;
    void unwatch(WatchId id) override;
    StoreStatus status() const override;

private:
    explicit RedisStore(std::unique_ptr<RedisCore> core);
    void note_error(const StoreError& error) override;
    std::unique_ptr<RedisCore> core_;
};

}  // namespace turnpike::cluster
