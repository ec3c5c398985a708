#include "turn/net/worker.hpp"

#include <pthread.h>
#include <sys/prctl.h>

#include <csignal>
#include <ctime>

#include "turn/net/proxy_header.hpp"
#include "turn/stun/classic.hpp"
#include "turn/stun/demux.hpp"

namespace turnpike::net {
namespace {

constexpr int kBatchesPerWake = 4;              // of one socket, before the others get their turn
constexpr Nanoseconds kHeartbeatEvery = 1s;

std::vector<IpAddress> local_addresses(const std::vector<core::RelayDirectory::Address>& addresses) {
    std::vector<IpAddress> locals;
    for (const auto& address : addresses) locals.push_back(address.local);
    return locals;
}

void add(core::Counters& total, const core::Counters& one) {
    const auto each = [](auto& sums, const auto& values) {
        for (std::size_t i = 0; i < std::size(values); ++i) sums[i] += values[i];
    };
    each(total.requests, one.requests);
    each(total.successes, one.successes);
    each(total.errors, one.errors);
    each(total.allocations_closed, one.allocations_closed);
    total.allocations_opened += one.allocations_opened;
    total.traffic.bytes_to_peer += one.traffic.bytes_to_peer;
    total.traffic.packets_to_peer += one.traffic.packets_to_peer;
    total.traffic.bytes_to_client += one.traffic.bytes_to_client;
    total.traffic.packets_to_client += one.traffic.packets_to_client;
    total.dropped_malformed += one.dropped_malformed;
    total.dropped_no_allocation += one.dropped_no_allocation;
    total.dropped_no_permission += one.dropped_no_permission;
    total.dropped_no_channel += one.dropped_no_channel;
    total.dropped_policy += one.dropped_policy;
    total.dropped_bandwidth += one.dropped_bandwidth;
    total.dropped_rate += one.dropped_rate;
    total.dropped_not_live += one.dropped_not_live;
    total.dropped_packet_rate += one.dropped_packet_rate;
    total.dropped_new_peers += one.dropped_new_peers;
    total.dropped_icmp += one.dropped_icmp;
    total.clients_moved += one.clients_moved;
    total.icmp_indications += one.icmp_indications;
}

}  // namespace

Node::Node(const Options& options, const Clock& c, Random& r, WorkerPool::ReportSink sink)
    : clock(c), random(r), reports(std::move(sink)), limits(options.limits), steering(options.workers),
      relays(options.relay_addresses), ports(local_addresses(options.relay_addresses), options.port_min, options.port_max),
      census(options.limits.stream_sessions_max, options.limits.stream_sessions_per_source, options.limits_exempt,
             HashKey{r.public_u64(), r.public_u64()}),
      handshakes(options.limits.handshakes_max, options.limits.handshakes_per_second, options.limits.handshakes_burst,
                 options.limits_exempt, HashKey{r.public_u64(), r.public_u64()}),
      cookies(r), upstream_failed(options.upstream_failed), strangers(options.core, r) {}

Worker::Worker(unsigned index, Node& node, core::Config config,
               std::shared_ptr<const core::CredentialSource> credentials,
               std::shared_ptr<const core::PeerPolicy> policy)
    : index_(index), node_(node),
      relays_(node.engine.engine_for({index, loop_, reader_, transmit_, node.ports, node.reserved, node.relays,
                                      node.random, node.clock, *this})),
      tcp_relays_(loop_, node.ports, node.relays, node.random, &on_peer_acceptable, this),
      streams_(loop_, reader_, node.census, node.handshakes, node.limits, node.clock, *this, node.upstream_failed),
      dtls_(reader_, node.census, node.handshakes, node.cookies, node.limits, node.clock, *this, *this),
      connections_(loop_, *this),
      overrides_(node.random), guests_(node.random), indication_ids_(node.random),
      crossings_(node.steering.workers()),
      server_(std::move(config), std::move(credentials), std::move(policy),
              {node.relays, node.quota, node.revocations, node.next_allocation_id, node.reservations, node.strangers,
               node.tickets, node.nonces, index},
              node.random),
      timer_(Event::timer(loop_, &call<&Worker::on_timer, Worker>, this)) {
    mailbox_.attach(loop_);
    crossing_bell_.attach(loop_, &call<&Worker::on_crossings, Worker>, this);
    to_ring_.reserve(crossings_.size());
    heartbeat_.store(node.clock.now().time_since_epoch().count(), std::memory_order_relaxed);
}

Worker::~Worker() { stop(); }

void Worker::listen_udp(UdpSocket socket, std::uint16_t listener, const Listener& settings, const TlsContext* tls) {
    if (listener >= udp_.size()) udp_.resize(listener + 1U);
    auto udp = std::make_unique<UdpListener>();
    udp->owner = this;
    udp->index = listener;
    udp->settings = &settings;
    udp->socket = std::move(socket);
    udp->event = Event::readable(loop_, udp->socket.fd.get(), &on_listener_readable, udp.get());
    udp->event.start();
    udp_[listener] = std::move(udp);
    if (tls != nullptr) dtls_.listen(listener, *tls);
}

void Worker::listen_stream(FileDescriptor fd, std::uint16_t listener, const Listener& settings, const TlsContext* tls) {
    streams_.listen(std::move(fd), {listener, &settings, tls});
}

void Worker::keep_in(std::unique_ptr<Journal> journal) {
    journal_ = std::move(journal);
    server_.set_keeper(journal_.get());
}

// ---- the thread ----

void Worker::start() {
    running_ = true;
    // Signals are the main thread's; SIGPIPE of a TLS write stays blocked and becomes EPIPE.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread{[this] { run(); }};
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), ("worker " + std::to_string(index_)).c_str());
}

int Worker::prioritize(unsigned priority) noexcept {
    sched_param parameters{};
    parameters.sched_priority = static_cast<int>(priority);
    return ::pthread_setschedparam(thread_.native_handle(), SCHED_RR, &parameters);
}

void Worker::stop() {
    if (!thread_.joinable()) return;
    post([this] { running_ = false; });
    thread_.join();
}

void Worker::run() {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // a wait for company is of microseconds
    rearm_timer();
    while (running_) {
        loop_.turn();
        settle();
        if (const Nanoseconds wait = pacer_.after_wake(heartbeat(), reader_.datagrams); wait > Nanoseconds::zero()) {
            const timespec time{0, wait.count()};
            ::clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
        }
    }
    server_.kill_all(core::CloseReason::NodeStopped, node_.clock.now(), outbox_);
    run_outbox();
    dtls_.close_all();
    settle();
    streams_.stop_listening();
}

// The end of a round: what this round's events decided leaves, in as few calls as possible.
void Worker::settle() {
    do {
        settle_leaving();
        for (const FiveTuple& tuple : std::exchange(gone_, {})) {
            server_.client_gone(tuple, node_.clock.now(), outbox_);
            run_outbox();
        }
        streams_.flush();
        dtls_.settle();
    } while (!gone_.empty() || !leaving_.empty());
    connections_.recycle();
    keep_records();
    make_room();
    rearm_timer();
}

// Before an answer leaves: what a client was told outlasts the process.
void Worker::keep_records() {
    if (server_.has_changes()) server_.keep_records(node_.clock.now());
}

void Worker::make_room() {
    relays_->flush();
    transmit_.flush();
    reader_.recycle();
    ring_crossings();
}

void Worker::on_timer() {
    timer_at_.reset();
    const Instant now = node_.clock.now();
    server_.advance(now, node_.clock.wall(), outbox_);
    run_outbox();
    streams_.advance(now);
    dtls_.advance(now);
    tcp_relays_.accept_again();
}

void Worker::rearm_timer() {
    const Instant now = node_.clock.now();
    heartbeat_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    Instant at = now + kHeartbeatEvery;
    if (const auto deadline = server_.next_deadline(now)) at = std::min(at, *deadline);
    if (streams_.has_deadlines() || dtls_.has_deadlines()) at = std::min(at, now + DeadlineWheel<std::uint64_t>::kTick);
    if (timer_at_ && *timer_at_ <= at) return;
    timer_at_ = at;
    timer_.start(std::max(at - now, Nanoseconds{1ms}));
}

// ---- client to peer ----

void Worker::on_listener_readable(int, short, void* listener) {
    auto& udp = *static_cast<UdpListener*>(listener);
    udp.owner->receive_from_clients(udp);
}

void Worker::receive_from_clients(UdpListener& listener) {
    core::Path path;
    path.listener = listener.index;
    path.tuple.server.port = listener.socket.local.port;
    const Listener& settings = *listener.settings;
    for (int batch = 0; batch < kBatchesPerWake; ++batch) {
        if (reader_.free_slots() < DatagramReader::kBatchMax) make_room();
        const auto received = reader_.read(listener.socket, DatagramReader::kBatchMax);
        const Instant now = node_.clock.now();
        for (const Datagrams& datagrams : received) {
            path.tuple.server.address = datagrams.destination;
            const bool proxied = settings.believes_proxy(datagrams.source.address);
            datagrams.for_each([&](ByteSpan payload) {
                path.tuple.client = datagrams.source;
                path.via = {};
                if (proxied && !take_proxy_header(path, payload)) {
                    ++malformed_;
                    return;
                }
                const stun::Kind kind = stun::classify(payload);
                if (kind == stun::Kind::Other) return;
                path.tuple.transport = kind == stun::Kind::Dtls ? Transport::Dtls : Transport::Udp;
                if (!settings.takes(path.tuple.transport)) return;  // RFC 7983: the other kind, on a port without it
                on_client_datagram(path, payload, datagrams.ip, 0, now);
            });
        }
        if (received.size() < DatagramReader::kBatchMax) return;
    }
}

// A proxy's datagram says whose it is; where it does not (LOCAL), it is the proxy's own.
bool Worker::take_proxy_header(core::Path& path, ByteSpan& payload) noexcept {
    const auto header = ProxyHeader::parse(payload, ProxyHeader::Carries::Datagrams);
    if (!header) return false;
    payload = payload.subspan(header->size);
    if (!header->addresses) return true;
    path.via = path.tuple.client;
    path.tuple.client = header->addresses->source;
    return true;
}

void Worker::on_client_datagram(const core::Path& path, ByteSpan payload, const IpFields& ip, unsigned hops, Instant now) {
    const stun::Kind kind = stun::classify(payload);
    if (const auto owner = elsewhere(path.tuple); owner && hops < kHopsMax) {
        hand_over(*owner, path, payload, ip, hops + 1);
        return;
    }
    if (path.via.port != 0) server_.reroute(path);
    if (kind == stun::Kind::Dtls) {
        dtls_.receive(path, payload, now);
    } else if (kind == stun::Kind::ChannelData) {
        relay_to_peer(path, payload, ip, true, now);
    } else {
        on_client_message(path, payload, ip, hops, now);
    }
}

void Worker::on_frame(const core::Path& path, ByteSpan frame) {
    const Instant now = node_.clock.now();
    const stun::Kind kind = stun::classify(frame);
    if (kind == stun::Kind::ChannelData) relay_to_peer(path, frame, {}, false, now);
    else on_client_message(path, frame, {}, 0, now);
}

void Worker::on_session_closed(const core::Path& path) {
    if (path.tuple.transport == Transport::Dtls) forget_owner(path.tuple);
    gone_.push_back(path.tuple);
}

// Not at the end of the round: the new connection's first request may be in it.
void Worker::on_session_replaced(const core::Path& path) {
    server_.client_gone(path.tuple, node_.clock.now(), outbox_);
    run_outbox();
}

void Worker::send_record(const core::Path& to, ByteView datagram) {
    if (to.listener >= udp_.size() || !udp_[to.listener]) return;
    transmit_.enqueue_copy(udp_[to.listener]->socket, {.payload = datagram}, to.next_hop(), {}, to.tuple.server.address);
}

void Worker::relay_to_peer(const core::Path& path, ByteView message, const IpFields& ip, bool lasting, Instant now) {
    const auto data = stun::ChannelDataView::parse(message);
    if (!data) {
        ++malformed_;
        return;
    }
    const auto to = server_.to_peer(path.tuple, *data, now);
    if (!to) return;
    send_to_peer(to->relay, to->peer, to->home, data->data, ip, {.lasting = lasting}, now);
    if (to->arrived) {
        server_.client_arrived(path.tuple, outbox_);
        run_outbox();
    }
}

void Worker::on_client_message(const core::Path& path, ByteView message, const IpFields& ip, unsigned hops, Instant now) {
    const auto view = stun::MessageView::parse(message);
    if (!view) {
        ++malformed_;
        if (path.tuple.transport == Transport::Dtls) {
            if (const auto error = stun::classic_error(message)) dtls_.send(path.link, *error);
        }
        return;
    }
    server_.on_message(path, *view, now, node_.clock.wall(), outbox_, hops < kHopsMax);
    run_outbox(ip, hops);
}

void Worker::send_to_peer(core::RelayId id, const Endpoint& peer, const std::optional<core::RelayHome>& home,
                          ByteView payload, const IpFields& ip, Sending how, Instant now) {
    if (ip.expired()) {
        ++ttl_drops_;
        return;
    }
    if (home) {
        const auto from = relays_->local(id);
        if (!from || relay_inside(*home, *from, payload, ip.forwarded(), how.lasting, now)) return;
    }
    relays_->send(id, peer, payload, ip.forwarded(), how.dont_fragment);
}

// ---- peer to client ----

void Worker::on_peer_datagrams(std::span<const Datagrams> received) {
    const Instant now = node_.clock.now();
    for (const Datagrams& datagrams : received) {
        datagrams.for_each([&](ByteView payload) {
            deliver_to_client(datagrams.relay, datagrams.source, payload, datagrams.ip, true, now);
        });
    }
}

void Worker::deliver_to_client(core::RelayId id, const Endpoint& peer, ByteView payload, const IpFields& ip, bool lasting,
                               Instant now) {
    if (ip.expired()) {
        ++ttl_drops_;
        return;
    }
    const auto to = server_.to_client(id, peer, payload.size(), now);
    if (!to) return;
    const auto frame = ClientFrame::around(payload, *to, indication_ids_);
    if (!frame) return;
    const Outgoing message = frame->outgoing();
    const core::Path& path = *to->path;
    if (is_stream(path.tuple.transport)) {
        streams_.send_media(path.link, message);
    } else if (path.tuple.transport == Transport::Dtls) {
        dtls_.send(path.link, message);
    } else {
        UdpSocket& socket = udp_[path.listener]->socket;
        const IpAddress& from = path.tuple.server.address;
        if (!lasting) transmit_.enqueue_copy(socket, message, path.next_hop(), ip.forwarded(), from);
        else if (!relays_->send_to_client(socket, from, message, path.next_hop(), ip.forwarded()))
            transmit_.enqueue(socket, message, path.next_hop(), ip.forwarded(), from);
    }
}

void Worker::on_peer_error(core::RelayId relay, const PeerError& error) {
    server_.on_icmp(relay, error.peer, {error.type, error.code, error.mtu}, node_.clock.now(), outbox_);
    run_outbox();
}

// ---- what the pool asks ----

void Worker::add_to(Snapshot& total) const {
    add(total.counters, server_.counters());
    total.counters.dropped_malformed += malformed_;
    total.allocations += server_.allocations();
    for (std::size_t i = 0; i < std::size(by_transport_); ++i) total.allocations_by_transport[i] += by_transport_[i];
    total.datagrams_received += reader_.datagrams;
    const RelayEngine::Counters relays = relays_->counters();
    total.datagrams_sent += transmit_.sent + relays.sent;
    total.receive_drops += reader_.overflows;
    total.send_drops += transmit_.dropped + relays.dropped;
    total.tls_handshakes_ok += streams_.handshakes_ok + dtls_.handshakes_ok;
    total.tls_handshakes_failed += streams_.handshakes_failed + dtls_.handshakes_failed;
    total.tls_handshakes_refused += streams_.handshakes_refused + dtls_.handshakes_refused;
    total.dtls_sessions += dtls_.size();
    total.upstream_connections += streams_.upstreams().size();
    total.upstream_opened += streams_.upstreams().opened;
    total.upstream_failed += streams_.upstreams().failed;
    total.peer_connections += connections_.size();
    total.stream_queue_drops += streams_.media_dropped + dtls_.media_dropped;
    total.stream_sessions_refused += streams_.refused + dtls_.refused;
    total.counters.dropped_malformed += dtls_.dropped;
    total.ttl_drops += ttl_drops_;
    if (journal_ && journal_->on()) {
        ++total.journals;
        total.journal_records += journal_->records();
        total.journal_bytes += journal_->bytes();
    }
    total.handed_over += handed_over_;
    total.hand_over_drops += hand_over_dropped_ + crossings_dropped_;
    total.relayed_inside += relayed_inside_;
}

void Worker::set_policy(std::shared_ptr<const core::PeerPolicy> policy) {
    server_.set_policy(std::move(policy), outbox_);
    run_outbox();
}

std::size_t Worker::kill(core::AllocationId id, core::CloseReason reason) {
    const std::size_t ended = server_.kill(id, reason, node_.clock.now(), outbox_);
    run_outbox();
    return ended;
}

std::size_t Worker::kill_subject(std::string_view realm, std::string_view subject, core::CloseReason reason) {
    const std::size_t ended = server_.kill_subject(realm, subject, reason, node_.clock.now(), outbox_);
    run_outbox();
    return ended;
}

}  // namespace turnpike::net
