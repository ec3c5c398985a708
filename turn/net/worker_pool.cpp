#include "turn/net/worker_pool.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include "turn/net/engine_choice.hpp"
#include "turn/net/listener_sockets.hpp"
#include "turn/net/tls_context.hpp"
#include "turn/net/worker.hpp"

namespace turnpike::net {
namespace {

// A worker that does not answer within this is wedged; the others' answers are still good.
constexpr auto kAnswerTimeout = 5s;
// Allocations that a worker lists between two rounds of its loop: less than a millisecond.
constexpr std::uint32_t kListedAtOnce = 256;

unsigned worker_count(unsigned wanted) noexcept {
    return wanted != 0 ? wanted : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::string Listener::transports() const {
    std::string name{to_string(transport)};
    if (also_secure) name += stream() ? "+tls" : "+dtls";
    return name;
}

struct WorkerPool::State {
    Options options;
    std::shared_ptr<const core::CredentialSource> credentials;
    std::shared_ptr<const core::PeerPolicy> policy;
    std::vector<Listener> bound;
    std::vector<std::unique_ptr<TlsContext>> tls;  // by listener; null where it is none
    std::unique_ptr<Node> node;                    // refers to bound and tls
    bool started = false;

    std::expected<void, StartError> check() const;
    std::expected<void, StartError> open();
    core::Config core_config();
    std::unique_ptr<Journal> make_journal(unsigned worker);

    /// Asks one worker and waits: its answer, if it gives one in time.
    template <typename Question>
    auto ask_one(Worker& worker, Question question) const {
        using Value = decltype(question(worker));
        std::optional<Value> value;
        if (!started) return value;
        const auto answer = std::make_shared<Answer<Value>>();
        worker.post([&worker, answer, question] { answer->give(question(worker)); });
        value = answer->wait(kAnswerTimeout);
        return value;
    }

    /// Asks every worker and waits: the answers of those that gave one.
    template <typename Question>
    auto ask(Question question) const {
        using Value = decltype(question(*node->workers.front()));
        std::vector<std::shared_ptr<Answer<Value>>> asked;
        std::vector<Value> answers;
        if (!started) return answers;
        for (const auto& worker : node->workers) {
            asked.push_back(std::make_shared<Answer<Value>>());
            worker->post([w = worker.get(), answer = asked.back(), question] { answer->give(question(*w)); });
        }
        for (const auto& answer : asked) {
            if (auto value = answer->wait(kAnswerTimeout)) answers.push_back(std::move(*value));
        }
        return answers;
    }
};

WorkerPool::WorkerPool(Options options, std::shared_ptr<const core::CredentialSource> credentials,
                       core::PeerPolicy::Rules peers, const Clock& clock, Random& random, ReportSink reports)
    : state_(std::make_unique<State>()) {
    State& s = *state_;
    options.workers = worker_count(options.workers);
    s.options = std::move(options);
    s.credentials = std::move(credentials);
    s.node = std::make_unique<Node>(s.options, clock, random, std::move(reports));
    s.policy = std::make_shared<const core::PeerPolicy>(std::move(peers), s.node->relays);
    s.bound = s.options.listeners;
}

WorkerPool::~WorkerPool() { stop(); }

std::expected<void, StartError> WorkerPool::start() {
    State& s = *state_;
    if (auto ok = s.check(); !ok) return ok;
    if (auto ok = s.open(); !ok) {
        s.node->workers.clear();
        s.node->engine = {};
        return ok;
    }
    for (const auto& worker : s.node->workers) worker->start();
    s.started = true;
    const unsigned priority = s.options.realtime_priority;
    for (const auto& worker : s.node->workers) {
        const int error = priority > 0 ? worker->prioritize(priority) : 0;
        if (error == 0) continue;
        stop();
        return std::unexpected{StartError{
            "cannot run with [io] realtime_priority = " + std::to_string(priority) + ": " + std::strerror(error) +
            "; it needs CAP_SYS_NICE or LimitRTPRIO=, which the systemd drop-in fast.conf grants (or take it out)"}};
    }
    return {};
}

std::expected<void, StartError> WorkerPool::State::check() const {
    if (options.listeners.empty()) return std::unexpected{StartError{"nothing to listen on; add a [[listen]]"}};
    if (options.relay_addresses.empty()) {
        return std::unexpected{StartError{"no address to relay on; set [relay] address"}};
    }
    if (options.port_min == 0 || options.port_max < options.port_min) {
        return std::unexpected{StartError{"no ports to relay on: " + std::to_string(options.port_min) + " to " +
                                          std::to_string(options.port_max) + "; change [relay] min_port and max_port"}};
    }
    for (const auto& address : options.relay_addresses) {
        if (auto ok = check_relay_address(address.local); !ok) return ok;
    }
    return {};
}

// Everything is open before the first thread starts: steering is by the sockets' order.
std::expected<void, StartError> WorkerPool::State::open() {
    std::vector<ListenerSockets> sockets;
    tls.clear();
    bound = options.listeners;
    for (std::size_t i = 0; i < bound.size(); ++i) {
        Listener& listener = bound[i];
        tls.emplace_back();
        if (listener.secure()) {
            tls.back() = std::make_unique<TlsContext>(
                listener.certificates(),
                TlsContext::Rules{.datagram = !listener.stream(), .http = listener.upstream.has_value()});
            if (auto ok = tls.back()->load(); !ok) {
                return std::unexpected{StartError{"cannot listen on " + listener.transports() + " " +
                                                  listener.address.to_string() + ": " + ok.error()}};
            }
        }
        auto opened = open_listener(listener, node->steering, options.limits);
        if (!opened) return std::unexpected{opened.error()};
        listener.address = opened->bound;
        sockets.push_back(std::move(*opened));
    }

    auto engine = EngineChoice::make(options, node->random);
    if (!engine) return std::unexpected{engine.error()};
    node->engine = std::move(*engine);

    core::Config config = core_config();
    config.workers = options.workers;
    for (unsigned w = 0; w < options.workers; ++w) {
        config.worker = w;
        auto worker = std::make_unique<Worker>(w, *node, config, credentials, policy);
        if (auto journal = make_journal(w)) worker->keep_in(std::move(journal));
        for (std::size_t i = 0; i < bound.size(); ++i) {
            const auto index = static_cast<std::uint16_t>(i);
            if (bound[i].stream()) {
                worker->listen_stream(std::move(sockets[i].stream[w]), index, bound[i], tls[i].get());
            } else {
                worker->listen_udp(std::move(sockets[i].udp[w]), index, bound[i], tls[i].get());
            }
        }
        node->workers.push_back(std::move(worker));
    }
    return {};
}

// Nothing where there is none, or it cannot be made: the relay goes on without.
std::unique_ptr<Journal> WorkerPool::State::make_journal(unsigned worker) {
    if (!options.journal) return nullptr;
    if (worker == 0) Journal::remove_from(options.journal->directory, options.workers);
    Journal::Setup setup{options.journal->directory, options.journal->boot, worker, options.workers, {}, options.journal->off};
    setup.key = {node->random.public_u64(), node->random.public_u64()};
    auto journal = Journal::create(std::move(setup));
    if (journal) return std::move(*journal);
    if (options.journal->off) options.journal->off(journal.error());
    return nullptr;
}

core::Config WorkerPool::State::core_config() {
    core::Config config = options.core;
    config.listeners.clear();
    for (const Listener& listener : bound) config.listeners.push_back({listener.realm, listener.transport, listener.address});
    const auto has = [this](Family family) {
        return std::ranges::any_of(options.relay_addresses, [&](const auto& a) { return a.local.family() == family; });
    };
    config.relay_v4 = has(Family::V4);
    config.relay_v6 = has(Family::V6);
    if (config.nonce_key.empty()) {
        // No other node shares our nonces then.
        std::array<std::uint8_t, 32> key{};
        node->random.fill_secret(key);
        config.nonce_key = Secret{ByteView{key}};
    }
    return config;
}

void WorkerPool::stop() {
    State& s = *state_;
    for (const auto& worker : s.node->workers) worker->stop();
    s.started = false;
    s.node->workers.clear();
    s.node->engine.range.reset();
}

std::vector<Listener> WorkerPool::listeners() const { return state_->bound; }
unsigned WorkerPool::workers() const noexcept { return state_->options.workers; }
const core::RelayDirectory& WorkerPool::relays() const noexcept { return state_->node->relays; }
IoEngine WorkerPool::engine() const noexcept { return state_->node->engine.engine; }
const std::string& WorkerPool::engine_why() const noexcept { return state_->node->engine.why; }

Snapshot WorkerPool::snapshot() const {
    const State& s = *state_;
    Snapshot total;
    // Each worker adds to the sum in turn; a wedged one leaves the others' part standing.
    struct Sum {
        std::mutex mutex;
        Snapshot snapshot;
    };
    const auto sum = std::make_shared<Sum>();
    s.ask([sum](Worker& worker) {
        const std::lock_guard lock{sum->mutex};
        worker.add_to(sum->snapshot);
        return true;
    });
    {
        const std::lock_guard lock{sum->mutex};
        total = sum->snapshot;
    }
    total.stream_sessions = s.node->census.total();
    const RelayPorts::Census ports = s.node->ports.census(s.node->clock.now());
    total.ports_used = ports.used;
    total.ports_capacity = ports.total;
    total.ports_reserved = ports.reserved;
    total.ports_quarantined = ports.quarantined;
    for (const auto& worker : s.node->workers) total.heartbeats.push_back(worker->heartbeat());
    return total;
}

std::vector<core::AllocationSummary> WorkerPool::allocations(const core::AllocationFilter& filter,
                                                             std::size_t at_most) const {
    const State& s = *state_;
    std::vector<core::AllocationSummary> all;
    const auto keep_oldest = [&] {
        std::ranges::sort(all, {}, &core::AllocationSummary::id);
        if (all.size() > at_most) all.resize(at_most);
    };
    struct Part {
        std::vector<core::AllocationSummary> listed;
        std::optional<std::uint32_t> next;
    };
    for (const auto& worker : s.node->workers) {
        for (std::optional<std::uint32_t> from = 0; from;) {
            auto part = s.ask_one(*worker, [filter, from = *from, &clock = s.node->clock](Worker& w) {
                Part answer;
                answer.next = w.server().list(filter, from, kListedAtOnce, clock.now(), answer.listed);
                return answer;
            });
            if (!part) break;
            std::ranges::move(part->listed, std::back_inserter(all));
            if (all.size() / 2 > at_most) keep_oldest();
            from = part->next;
        }
    }
    keep_oldest();
    return all;
}

std::size_t WorkerPool::kill(core::AllocationId id, core::CloseReason reason) {
    std::size_t ended = 0;
    for (const std::size_t n : state_->ask([id, reason](Worker& worker) { return worker.kill(id, reason); })) ended += n;
    return ended;
}

std::size_t WorkerPool::revoke(std::string_view realm, std::string_view subject, WallTime until) {
    // First no new one, then the old ones.
    state_->node->revocations.revoke(realm, subject, until);
    std::size_t ended = 0;
    const auto end = [r = std::string{realm}, s = std::string{subject}](Worker& worker) {
        return worker.kill_subject(r, s, core::CloseReason::Revoked);
    };
    for (const std::size_t n : state_->ask(end)) ended += n;
    return ended;
}

std::vector<core::Revocations::Entry> WorkerPool::revocations() const { return state_->node->revocations.list(); }

void WorkerPool::set_credentials(std::shared_ptr<const core::CredentialSource> credentials) {
    state_->credentials = credentials;
    state_->ask([credentials](Worker& worker) {
        worker.server().set_credentials(credentials);
        return true;
    });
}

void WorkerPool::set_policy(core::PeerPolicy::Rules peers) {
    state_->policy = std::make_shared<const core::PeerPolicy>(std::move(peers), state_->node->relays);
    state_->ask([policy = state_->policy](Worker& worker) {
        worker.set_policy(policy);
        return true;
    });
}

std::expected<void, StartError> WorkerPool::reload_certificates() {
    std::expected<void, StartError> result;
    for (const auto& context : state_->tls) {
        if (!context) continue;
        if (auto ok = context->load(); !ok && result) result = std::unexpected{StartError{ok.error()}};
    }
    return result;
}

bool WorkerPool::transfer(const FiveTuple& tuple, unsigned worker) {
    const State& s = *state_;
    if (worker >= s.options.workers) return false;
    const auto moved = std::make_shared<Answer<bool>>();
    const auto asked = s.ask([tuple, worker, moved](Worker& from) { return from.move_away(tuple, worker, moved); });
    if (std::ranges::find(asked, true) == asked.end()) return false;
    return moved->wait(kAnswerTimeout).value_or(false);
}

}  // namespace turnpike::net
