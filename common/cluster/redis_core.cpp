#include "common/cluster/redis_core.hpp"

#include <algorithm>
#include <array>

#include "common/cluster/cluster_slots.hpp"
#include "common/cluster/reply_reading.hpp"
#include "common/crypto/digest.hpp"

namespace turnpike::cluster {
namespace {

constexpr Milliseconds kTick{500};
constexpr unsigned kTriesMax = 16;  // of a command that is redirected
constexpr std::size_t kNodesMax = 1200;

bool writes(const Command& command) {
    static constexpr std::array<std::string_view, 5> kWriting{"SET", "UNLINK", "SADD", "SREM",
                                                              "ZREM"};
    return command.script != nullptr || std::ranges::find(kWriting, command.verb) != kWriting.end();
}

std::string hex(ByteView bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t byte : bytes) {
        out.push_back(kDigits[byte >> 4]);
        out.push_back(kDigits[byte & 15]);
    }
    return out;
}

}  // namespace

RedisCore::RedisCore(StoreUrl url, std::unique_ptr<RedisTransport> transport, const Clock& clock,
                     Random& random, RedisStoreOptions options)
    : url_(std::move(url)),
      clock_(clock),
      random_(random),
      options_(options),
      transport_(std::move(transport)),
      alarm_(thread_, [this] { ring_alarm(); }),
      tick_(thread_, [this] { tick(); }),
      listen_again_(thread_, [this] { listen(); }),
      listen_back_off_(options.back_off_least, options.back_off_most),
      topology_(RedisTopology::make(url_, *this)) {
    status_.since = clock_.now();
    status_.server = url_.shown();
    tick_.start(kTick);
    thread_.post([this] { topology_->begin(); });
    thread_.start();
}

RedisCore::~RedisCore() {
    thread_.stop([this] { end(); });
    transport_.reset();  // before the loop that its look-ups are of
}

void RedisCore::end() {
    ended_ = true;
    alarm_.stop();
    tick_.stop();
    listen_again_.stop();
    while (!requests_.empty())
        fail(requests_.begin()->first, StoreError::Kind::Closed, "the store was closed");
    // Here, so that the loop can finish what libevent has put off.
    topology_.reset();
    nodes_.clear();
    listener_.reset();
}

void RedisCore::submit(Command command, Milliseconds deadline, Store::Callback done) {
    const std::size_t bytes = command.size();
    if (queued_.load() >= options_.queue_most ||
        queued_bytes_.load() + bytes > options_.queue_bytes_most) {
        note([](StoreStatus& s) { ++s.overflows; });
        thread_.post([done = std::move(done)] {
            done(std::unexpected{
                StoreError{StoreError::Kind::Overflow, "too many commands wait for the store"}});
        });
        return;
    }
    queued_ += 1;
    queued_bytes_ += bytes;
    thread_.post([this, command = std::move(command), until = clock_.now() + deadline,
                  done = std::move(done)]() mutable {
        const Token token = admit(std::move(command), until, std::move(done), false);
        if (ended_) {
            fail(token, StoreError::Kind::Closed, "the store was closed");
        } else {
            dispatch(token);
            set_alarm();
        }
    });
}

RedisCore::Token RedisCore::admit(Command command, Instant deadline, Store::Callback done,
                                  bool ours) {
    const Token token = next_token_++;
    Request& request = requests_[token];
    request.bytes = command.size();
    request.command = std::move(command);
    request.done = std::move(done);
    request.ours = ours;
    request.deadline = deadlines_.emplace(deadline, token);
    return token;
}

void RedisCore::ask(RedisNode& node, Command command, Milliseconds deadline, Store::Callback done) {
    const Token token = admit(std::move(command), clock_.now() + deadline, std::move(done), true);
    requests_.at(token).fixed = &node;
    dispatch(token);
    set_alarm();
}

void RedisCore::dispatch(Token token) {
    Request& request = requests_.at(token);
    RedisNode* node = request.fixed ? request.fixed : topology_->route(request.command);
    if (!node) {
        if (topology_->lost())
            return fail(token, StoreError::Kind::Unavailable, "the store is away");
        parked_.insert(token);
        return;
    }
    if (node->breaker.open() && !request.fixed) {
        return fail(token, StoreError::Kind::Unavailable,
                    node->link->address().to_string() + " is away");
    }
    request.node = node;
    if (node->link->ready()) return send(token, request, *node);
    node->waiting.insert(token);
}

std::string RedisCore::wire_for(const Request& request) {
    const Command& command = request.command;
    std::vector<std::string_view> words;
    std::string count;
    if (command.script) {
        std::string& digest = digests_[command.script];
        if (digest.empty()) digest = hex(crypto::sha1({as_bytes(command.script->lua)}));
        words.push_back(request.whole_script ? "EVAL" : "EVALSHA");
        words.push_back(request.whole_script ? command.script->lua : std::string_view{digest});
        count = std::to_string(command.keys.size());
        words.push_back(count);
    } else {
        words.push_back(command.verb);
    }
    words.insert(words.end(), command.keys.begin(), command.keys.end());
    words.insert(words.end(), command.arguments.begin(), command.arguments.end());
    return wire_of(words);
}

void RedisCore::send(Token token, Request& request, RedisNode& node) {
    request.node = &node;
    request.under_way = true;
    ++request.tries;
    if (request.asking) node.link->send_unasked(wire_of({"ASKING"}));
    node.link->send(token, wire_for(request));
}

void RedisCore::detach(Token token, Request& request) {
    if (request.node) request.node->waiting.erase(token);
    request.node = nullptr;
    request.under_way = false;
    parked_.erase(token);
}

void RedisCore::finish(Token token, Outcome<Reply> outcome) {
    const auto at = requests_.find(token);
    if (at == requests_.end()) return;
    detach(token, at->second);
    deadlines_.erase(at->second.deadline);
    const Request request = std::move(at->second);
    requests_.erase(at);
    if (!request.ours) {
        queued_ -= 1;
        queued_bytes_ -= request.bytes;
    }
    if (!outcome && outcome.error().kind == StoreError::Kind::BadReply) note_error(outcome.error());
    request.done(std::move(outcome));
}

void RedisCore::fail(Token token, StoreError::Kind kind, std::string detail) {
    finish(token, std::unexpected{StoreError{kind, std::move(detail)}});
}

void RedisCore::try_again(Token token, Milliseconds after, const std::string& hindrance) {
    Request& request = requests_.at(token);
    detach(token, request);
    request.hindrance = hindrance;
    tries_.emplace(clock_.now() + after, token);
    set_alarm();
}

void RedisCore::link_answer(RedisLink& link, Token token, Outcome<Reply> reply) {
    const auto at = requests_.find(token);
    RedisNode* node = node_of(link);
    // Ended before by its deadline: what comes now is nobody's.
    if (at == requests_.end()) return note([](StoreStatus& s) { ++s.late_answers; });
    if (reply && node) node->breaker.answered();
    Request& request = at->second;
    if (reply && reply->is(Reply::Type::Error) && node)
        return refused(*node, token, request, reply->text);
    if (reply && refusing_ && writes(request.command)) {
        refusing_ = false;
        judge();
    }
    finish(token, std::move(reply));
}

void RedisCore::refused(RedisNode& node, Token token, Request& request, const std::string& text) {
    const std::string_view word = std::string_view{text}.substr(0, text.find(' '));
    StoreError error = reading::error_of(text);
    const bool may_try = !request.fixed;
    if (word == "NOSCRIPT" && request.command.script && !request.whole_script) {
        request.whole_script = true;
        return send(token, request, node);
    }
    request.asking = false;
    if (may_try && (word == "MOVED" || word == "ASK")) {
        auto redirect = redirect_in(text);
        if (!redirect || request.tries >= kTriesMax || nodes_.size() >= kNodesMax) {
            return fail(token, StoreError::Kind::BadReply,
                        "a redirection that leads nowhere: " + printable(text));
        }
        if (url_.kind != StoreUrl::Kind::Cluster) {
            return fail(token, StoreError::Kind::Failed,
                        "the server is a node of a Redis Cluster: use redis+cluster://");
        }
        if (redirect->to.host.empty()) redirect->to.host = node.link->address().host;
        note([](StoreStatus& s) { ++s.redirects; });
        detach(token, request);
        if (!redirect->ask) {
            topology_->moved(redirect->slot, redirect->to);
            return dispatch(token);
        }
        RedisNode& importing = this->node(redirect->to, RedisNode::Role::Server);
        request.asking = true;
        request.node = &importing;
        if (importing.link->ready()) return send(token, request, importing);
        importing.waiting.insert(token);
        return;
    }
    if (may_try && word == "READONLY" && topology_->read_only(node))
        return try_again(token, 100ms, text);
    if (may_try && (word == "LOADING" || word == "BUSY" || word == "MASTERDOWN" ||
                    word == "TRYAGAIN" || word == "CLUSTERDOWN")) {
        if (word == "CLUSTERDOWN") topology_->partial();
        return try_again(token, 50ms, text);
    }
    if (error.kind == StoreError::Kind::Refused) {
        refusing_ = true;
        note([&](StoreStatus& s) {
            ++s.refused_writes;
            s.last_error = error.detail;
        });
        judge();
    } else if (error.kind == StoreError::Kind::Denied) {
        note_problem(error.detail);
    }
    finish(token, std::unexpected{std::move(error)});
}

// --- time

void RedisCore::set_alarm() {
    Instant next = Instant::max();
    if (!deadlines_.empty()) next = deadlines_.begin()->first;
    if (!tries_.empty()) next = std::min(next, tries_.begin()->first);
    if (next == Instant::max()) {
        alarm_.stop();
    } else {
        alarm_.start(next - clock_.now());
    }
}

void RedisCore::ring_alarm() {
    const Instant now = clock_.now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const Token token = deadlines_.begin()->second;
        Request& request = requests_.at(token);
        RedisNode* node = request.node;
        note([](StoreStatus& s) { ++s.deadlines; });
        if (!request.hindrance.empty() && !request.under_way) {
            finish(token, std::unexpected{reading::error_of(request.hindrance)});
        } else if (!request.under_way) {
            fail(token, StoreError::Kind::Unavailable, "no connection to the store in time");
        } else {
            const bool trips = !request.fixed && node->breaker.missed_deadline();
            fail(token, StoreError::Kind::Deadline,
                 node->link->address().to_string() + " did not answer in time");
            if (trips) trip(*node, "does not answer in time");
        }
    }
    while (!tries_.empty() && tries_.begin()->first <= now) {
        const Token token = tries_.begin()->second;
        tries_.erase(tries_.begin());
        if (requests_.contains(token)) dispatch(token);
    }
    set_alarm();
}

}  // namespace turnpike::cluster
