// The nodes of a RedisCore: their connections, breakers and probes, and the connection that
// listens.
#include <algorithm>

#include "common/cluster/redis_core.hpp"

namespace turnpike::cluster {
namespace {

constexpr Nanoseconds kSteady = 1s;  // a connection that lived so long is made anew at once
constexpr Milliseconds kTick{500};

}  // namespace

RedisNode& RedisCore::node(const StoreAddress& address, RedisNode::Role role) {
    auto& slot = nodes_[address];
    if (slot) return *slot;
    slot = std::make_unique<RedisNode>(role, options_.misses,
                                       BackOff{options_.back_off_least, options_.back_off_most});
    RedisNode& fresh = *slot;
    const bool sentinel = role == RedisNode::Role::Sentinel;
    RedisLink::Options link;
    link.must_be_master = role == RedisNode::Role::Master;
    link.database = sentinel ? 0 : url_.database;
    link.login = sentinel ? url_.sentinel_login : url_.login;
    link.connect_within = options_.connect_within;
    link.silent_most = options_.silent_most;
    link.limits = options_.limits;
    fresh.link =
        std::make_unique<RedisLink>(thread_, clock_, *transport_, *this, address, std::move(link));
    fresh.again = std::make_unique<EventTimer>(thread_, [this, &fresh] {
        if (fresh.link->idle()) {
            fresh.link->connect();
        } else if (fresh.link->ready()) {
            probe(fresh);
        }
    });
    fresh.link->connect();
    return fresh;
}

RedisNode* RedisCore::node_of(const RedisLink& link) {
    const auto at = nodes_.find(link.address());
    return at != nodes_.end() && at->second->link.get() == &link ? at->second.get() : nullptr;
}

void RedisCore::link_ready(RedisLink& link) {
    if (&link == listener_.get()) {
        subscribed_.clear();
        subscribe();
        return;
    }
    RedisNode& node = *node_of(link);
    node.ready_since = clock_.now();
    node.was_ready = true;
    if (node.role != RedisNode::Role::Sentinel) note([](StoreStatus& s) { ++s.connects; });
    close_breaker(node);
    for (const Token token : std::exchange(node.waiting, {})) {
        const auto at = requests_.find(token);
        if (at != requests_.end()) send(token, at->second, node);
    }
}

void RedisCore::link_down(RedisLink& link, const std::string& why) {
    if (&link == listener_.get()) {
        note_problem(link.address().to_string() + ": " + why);
        listen_again_.start(listen_back_off_.next(random_));
        return;
    }
    RedisNode& node = *node_of(link);
    note_problem(link.address().to_string() + ": " + why);
    note([](StoreStatus& s) { ++s.failures; });
    const bool steady =
        std::exchange(node.was_ready, false) && clock_.now() - node.ready_since >= kSteady;
    if (steady) {
        // Restarted, most likely: what waits may wait for one attempt.
        node.back_off.reset();
        node.again->start(0ms);
    } else {
        trip(node, why);
        node.again->start(node.back_off.next(random_));
    }
    topology_->went_down(node);
    judge();
}

void RedisCore::trip(RedisNode& node, const std::string& why) {
    node.breaker.trip();
    for (const Token token : std::set{node.waiting}) {
        const auto at = requests_.find(token);
        if (at != requests_.end() && !at->second.fixed)
            fail(token, StoreError::Kind::Unavailable,
                 node.link->address().to_string() + ": " + why);
    }
    if (node.link->ready() && !node.again->running() && !node.probing) {
        note_problem(node.link->address().to_string() + " " + why);
        node.again->start(node.back_off.next(random_));
    }
    judge();
}

// A PING of ours finds out whether the server answers again; commands do not have to.
void RedisCore::probe(RedisNode& node) {
    if (!node.breaker.open() || node.probing) return;
    node.probing = true;
    ask(node, {"PING", nullptr, {}, {}}, options_.probe_within,
        [this, &node](Outcome<Reply> reply) {
            node.probing = false;
            if (ended_) return;
            if (reply || reply.error().kind == StoreError::Kind::Denied) {
                close_breaker(node);
            } else if (node.link->ready()) {
                node.again->start(node.back_off.next(random_));
            }
        });
}

void RedisCore::close_breaker(RedisNode& node) {
    node.breaker.close();
    judge();
    wake_soon();
}

/// What was missed while the store was away is looked for now.
void RedisCore::wake_soon() {
    thread_.post([this] {
        if (!ended_) watches_.wake_all();
    });
}

void RedisCore::rerouted() {
    std::set<Token> all = std::exchange(parked_, {});
    for (auto& [address, node] : nodes_) {
        for (const Token token : node->waiting) {
            if (!requests_.at(token).fixed && !requests_.at(token).asking) all.insert(token);
        }
    }
    for (const Token token : all) {
        const auto at = requests_.find(token);
        if (at == requests_.end()) continue;
        detach(token, at->second);
        dispatch(token);
    }
    judge();
}

void RedisCore::tick() {
    tick_.start(kTick);
    const Instant now = clock_.now();
    for (auto& [address, node] : nodes_) {
        node->link->check();
        // Steady again: the next failure is met with a short pause.
        if (node->link->ready() && !node->breaker.open() && now - node->ready_since >= 10s)
            node->back_off.reset();
    }
    topology_->tick();
    std::erase_if(nodes_, [&](const auto& entry) {
        RedisNode& node = *entry.second;
        if (topology_->wants(node)) return false;
        const bool used = std::ranges::any_of(requests_, [&](const auto& request) {
            return request.second.node == &node || request.second.fixed == &node;
        });
        return !used;
    });
    if (listener_) listener_->check();
    if (!watches_.empty()) {
        listen();
        if (now - polled_ >= options_.watch_poll) {
            polled_ = now;
            watches_.wake_all();
        }
    }
    judge();
}

/// What status() says.
void RedisCore::judge() {
    if (ended_) return;
    const std::vector<RedisNode*> serving = topology_->serving();
    const bool up = !serving.empty() && std::ranges::all_of(serving, [](const RedisNode* node) {
        return node->link->ready() && !node->breaker.open();
    });
    note([&](StoreStatus& s) {
        using State = StoreStatus::State;
        const bool tried = topology_->lost() ||
                           std::ranges::any_of(
                               serving, [](const RedisNode* node) { return node->breaker.open(); });
        State state = !up ? State::Degraded : refusing_ ? State::Refusing : State::Up;
        if (!up && s.state == State::Connecting && !tried) state = State::Connecting;
        if (state != s.state) {
            s.state = state;
            s.since = clock_.now();
        }
    });
}

// --- the connection that listens

// Not in a link's own callbacks: it may replace the link.
void RedisCore::listen() {
    if (ended_ || watches_.empty()) return;
    const std::vector<RedisNode*> serving = topology_->serving();
    if (listener_ && !listener_->idle()) {
        const bool served = std::ranges::any_of(serving, [&](const RedisNode* node) {
            return node->link->address() == listener_->address();
        });
        if (served) return subscribe();
    } else if (listen_again_.running()) {
        return;
    }
    const auto ready = std::ranges::find_if(serving, [](const RedisNode* node) {
        return node->link->ready() && !node->breaker.open();
    });
    if (ready == serving.end()) return;  // tick() comes back to it
    RedisLink::Options options;
    options.use = RedisLink::Use::Listening;
    options.must_be_master = url_.kind == StoreUrl::Kind::Sentinel;
    options.login = url_.login;
    options.connect_within = options_.connect_within;
    options.silent_most = options_.silent_most;
    options.limits = options_.limits;
    listener_ = std::make_unique<RedisLink>(thread_, clock_, *transport_, *this,
                                            (*ready)->link->address(), std::move(options));
    listener_->connect();
}

void RedisCore::subscribe() {
    if (!listener_->ready()) return;
    std::set<std::string> wanted;
    for (std::string& channel : watches_.channels()) wanted.insert(std::move(channel));
    for (const std::string& channel : wanted) {
        if (!subscribed_.contains(channel))
            listener_->send_unasked(wire_of({"SUBSCRIBE", channel}));
    }
    for (const std::string& channel : subscribed_) {
        if (!wanted.contains(channel)) listener_->send_unasked(wire_of({"UNSUBSCRIBE", channel}));
    }
    subscribed_ = std::move(wanted);
}

void RedisCore::link_pushed(RedisLink& link, const Reply& reply) {
    if (reply.is(Reply::Type::Error))
        return note_problem(link.address().to_string() + ": " + printable(reply.text));
    if (!reply.is(Reply::Type::Array) || reply.elements.size() < 2) return;  // PONG
    const std::string& what = reply.elements[0].text;
    if (what == "subscribe") listen_back_off_.reset();
    // On "subscribe" too: what came before it was not heard.
    if (what == "message" || what == "subscribe") watches_.wake(reply.elements[1].text);
}

Store::WatchId RedisCore::watch(std::string channel, std::function<void()> woken) {
    const Store::WatchId id = watches_.add(std::move(channel), std::move(woken));
    thread_.post([this, id] {
        if (ended_) return;
        watches_.wake_one(id);
        listen();
    });
    return id;
}

void RedisCore::unwatch(Store::WatchId id) {
    if (watches_.remove(id).empty()) return;
    thread_.post([this] {
        if (!ended_ && listener_) subscribe();
    });
}

// --- status

StoreStatus RedisCore::status() const {
    const std::lock_guard lock{mutex_};
    StoreStatus out = status_;
    out.queued = queued_.load();
    return out;
}

void RedisCore::note_error(const StoreError& error) {
    note([&](StoreStatus& s) {
        if (error.kind == StoreError::Kind::BadReply) ++s.bad_replies;
        s.last_error = error.detail;
    });
}

void RedisCore::note_problem(const std::string& what) {
    note([&](StoreStatus& s) { s.last_error = printable(what); });
}

}  // namespace turnpike::cluster
