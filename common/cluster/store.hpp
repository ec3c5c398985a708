#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/clock.hpp"
#include "common/cluster/command.hpp"
#include "common/cluster/outcome.hpp"

namespace turnpike::cluster {

/// What /readyz, metrics and `doctor` say of a store.
struct StoreStatus {
    enum class State : std::uint8_t {
        Connecting,  // has not been up yet
        Up,
        Refusing,  // answers, but takes no writes
        Degraded,  // away, in whole or (Redis Cluster) in part
    };
    State state = State::Connecting;
    Instant since{};                   // on the store's clock
    std::string last_error;            // printable; stays after the store has come back
    std::uint64_t connects = 0;        // connections made ready, the first included
    std::uint64_t failures = 0;        // connections that broke or could not be made
    std::uint64_t queued = 0;          // commands that wait or are under way
    std::uint64_t deadlines = 0;       // commands without an answer in time
    std::uint64_t late_answers = 0;    // answers dropped because their command had ended
    std::uint64_t bad_replies = 0;     // answers of a wrong shape or size
    std::uint64_t refused_writes = 0;  // read-only, out of memory
    std::uint64_t overflows = 0;       // commands refused because too many waited
    std::uint64_t redirects = 0;       // MOVED and ASK obeyed
    std::string server;  // where the commands go: "unix:/run/redis.sock", "10.0.0.1:6379"
};

std::string_view to_string(StoreStatus::State state) noexcept;

/// Deadlines. A store that is away never takes longer than its command's.
inline constexpr Milliseconds kStoreDeadline = 250ms;
inline constexpr Milliseconds kQuotaDeadline = 20ms;

/// The state that a cluster shares: Redis, or the memory of one process. Nothing on a packet's path
/// asks it.
///
/// Order      commands of one thread on keys of one hash tag are done in the order of the calls,
///            unless Redis asks for a retry (LOADING, BUSY, MOVED, ASK, READONLY after a fail-over)
/// Errors     as values (StoreError); every callback is called exactly once
/// Lifetime   the destructor ends what is under way with Closed, before it returns; it must not run
///            on the store's own thread
/// Threading  every function from any thread, and none waits. Callbacks run on the store's own
///            thread, never inside the call: they must not block, and may call the store. See
///            posted() for callbacks that belong on another loop.
class Store {
public:
    using Callback = std::function<void(Outcome<Reply>)>;
    using WatchId = std::uint64_t;

    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    virtual void submit(Command command, Milliseconds deadline, Callback done) = 0;

    /// Asks, and reads the answer: `done` gets an Outcome<T>.
    template <typename T>
    void run(Query<T> query, Milliseconds deadline, std::function<void(Outcome<T>)> done) {
        submit(std::move(query.command), deadline,
               [this, read = query.read, done = std::move(done)](Outcome<Reply> reply) {
                   Outcome<T> out =
                       reply ? read(*reply) : Outcome<T>{std::unexpected{reply.error()}};
                   if (!out && reply) note_error(out.error());
                   done(std::move(out));
               });
    }

    /// Calls `woken` when somebody published to `channel`, and whenever that may have been missed:
    /// soon after this call, after each reconnect, and every few seconds. So it means "look now",
    /// not "there is something"; streams are the truth.
    virtual WatchId watch(std::string channel, std::function<void()> woken) = 0;
    /// No call of it begins after this returns, when it is called on the store's thread; called on
    /// another thread, one may still be running.
    virtual void unwatch(WatchId id) = 0;

    virtual StoreStatus status() const = 0;

private:
    /// An answer came, and its reader did not take it.
    virtual void note_error(const StoreError& error) = 0;
};

/// `done`, called through `post` (ControlLoop::post, asio::post, ...) instead of where it is
/// called.
template <typename Post, typename T>
std::function<void(Outcome<T>)> posted(Post post, std::function<void(Outcome<T>)> done) {
    return [post = std::move(post), done = std::move(done)](Outcome<T> outcome) {
        post([done, outcome = std::move(outcome)] { done(outcome); });
    };
}

}  // namespace turnpike::cluster
