#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "common/cluster/redis_store.hpp"
#include "common/cluster/redis_topology.hpp"
#include "common/cluster/watches.hpp"

namespace turnpike::cluster {

/// The inside of RedisStore: the commands, from their coming to their one outcome.
///
/// A command waits for a route (parked), then for its node's link (waiting), is under way, or waits
/// for another try (LOADING and its like). Its deadline ends it in each of these.
///
/// Threading  submit(), watch(), unwatch(), status() and note_error() from any thread; the rest on
///            the store's
class RedisCore final : public RedisLinkOwner, public RedisNodes {
public:
    RedisCore(StoreUrl url, std::unique_ptr<RedisTransport> transport, const Clock& clock,
              Random& random, RedisStoreOptions options);
    ~RedisCore();

    void submit(Command command, Milliseconds deadline, Store::Callback done);
    Store::WatchId watch(std::string channel, std::function<void()> woken);
    void unwatch(Store::WatchId id);
    StoreStatus status() const;
    void note_error(const StoreError& error);

private:
    using Token = std::uint64_t;
    using Due = std::multimap<Instant, Token>;

    struct Request {
        Command command;
        Store::Callback done;
        Due::iterator deadline;
        std::size_t bytes = 0;
        RedisNode* node = nullptr;   // where it waits or is under way
        RedisNode* fixed = nullptr;  // the one server that it is for
        unsigned tries = 0;
        bool ours = false;  // of the store itself: counts in no limit
        bool under_way = false;
        bool whole_script = false;  // after NOSCRIPT
        bool asking = false;        // after ASK
        std::string hindrance;      // the last answer that asked for another try
    };

    // RedisLinkOwner
    void link_ready(RedisLink& link) override;
    void link_down(RedisLink& link, const std::string& why) override;
    void link_answer(RedisLink& link, Token token, Outcome<Reply> reply) override;
    void link_pushed(RedisLink& link, const Reply& reply) override;
    // RedisNodes
    RedisNode& node(const StoreAddress& address, RedisNode::Role role) override;
    void ask(RedisNode& node, Command command, Milliseconds deadline,
             Store::Callback done) override;
    void rerouted() override;
    void note_problem(const std::string& what) override;
    EventThread& thread() override { return thread_; }
    const Clock& clock() override { return clock_; }
    Random& random() override { return random_; }

    Token admit(Command command, Instant deadline, Store::Callback done, bool ours);
    void dispatch(Token token);
    void send(Token token, Request& request, RedisNode& node);
    std::string wire_for(const Request& request);
    void finish(Token token, Outcome<Reply> outcome);
    void fail(Token token, StoreError::Kind kind, std::string detail);
    /// An error reply: obeys it, or ends the request with it.
    void refused(RedisNode& node, Token token, Request& request, const std::string& text);
    void try_again(Token token, Milliseconds after, const std::string& hindrance);
    void detach(Token token, Request& request);

    RedisNode* node_of(const RedisLink& link);
    void trip(RedisNode& node, const std::string& why);
    void try_node_again(RedisNode& node, Milliseconds after);
    void probe(RedisNode& node);
    void close_breaker(RedisNode& node);
    void rest(RedisNode& node);

    void listen();
    void subscribe();
    void wake_soon();
    void ring_alarm();
    void set_alarm();
    void tick();
    void judge();
    void end();
    template <typename Change>
    void note(Change change) {
        const std::lock_guard lock{mutex_};
        change(status_);
    }

    const StoreUrl url_;
    const Clock& clock_;
    Random& random_;
    const RedisStoreOptions options_;
    std::unique_ptr<RedisTransport> transport_;

    std::atomic<std::size_t> queued_{0}, queued_bytes_{0};
    Watches watches_;
    mutable std::mutex mutex_;
    StoreStatus status_;

    EventThread thread_;
    EventTimer alarm_, tick_, listen_again_;
    BackOff listen_back_off_;
    std::map<StoreAddress, std::unique_ptr<RedisNode>> nodes_;
    std::unique_ptr<RedisTopology> topology_;
    std::unique_ptr<RedisLink> listener_;
    std::set<std::string> subscribed_;
    std::unordered_map<Token, Request> requests_;
    std::set<Token> parked_;
    Due deadlines_, tries_;
    std::unordered_map<const Script*, std::string> digests_;
    Token next_token_ = 1;
    Instant polled_{};
    bool refusing_ = false;
    bool ended_ = false;
};

}  // namespace turnpike::cluster
