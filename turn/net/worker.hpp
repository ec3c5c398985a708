#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "turn/core/server.hpp"
#include "turn/net/answer.hpp"
#include "turn/net/batch_pacer.hpp"
#include "turn/net/bell.hpp"
#include "turn/net/client_framing.hpp"
#include "turn/net/datagram_reader.hpp"
#include "turn/net/datagram_ring.hpp"
#include "turn/net/dtls_sessions.hpp"
#include "turn/net/engine_choice.hpp"
#include "turn/net/journal.hpp"
#include "turn/net/mailbox.hpp"
#include "turn/net/overrides.hpp"
#include "turn/net/peer_connections.hpp"
#include "turn/net/relay_engine.hpp"
#include "turn/net/steering.hpp"
#include "turn/net/stream_sessions.hpp"
#include "turn/net/tcp_relays.hpp"
#include "turn/net/transmit_queue.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::net {

class Worker;

/// What the workers of a node share.
struct Node {
    Node(const Options& options, const Clock& c, Random& r, WorkerPool::ReportSink sink);

    const Clock& clock;
    Random& random;
    WorkerPool::ReportSink reports;
    Limits limits;
    Steering steering;
    core::RelayDirectory relays;
    RelayPorts ports;
    ReservedSockets reserved;
    core::Reservations reservations;
    core::Owners tickets, nonces;
    core::AllocationQuota quota;
    core::Revocations revocations;
    std::atomic<std::uint64_t> next_allocation_id{1};
    std::atomic<std::uint64_t> next_move{1};
    StreamCensus census;
    HandshakeLimits handshakes;
    DtlsCookies cookies;
    Upstreams::Failed upstream_failed;
    core::StrangerLimits strangers;
    EngineChoice engine;                           // made before the workers
    std::vector<std::unique_ptr<Worker>> workers;  // complete before the first thread starts
};

/// One thread of the relay with everything that its clients need: sockets, sessions, relayed addresses
/// and a core::Server that decides. A 5-tuple belongs to one worker at a time.
///
/// worker.cpp is the thread and the packet path, outbox_runner.cpp does what the core decided,
/// transfer.cpp moves 5-tuples and requests between workers, relay_inside.cpp has datagrams that stay on the node,
/// tcp_relaying.cpp connections with peers.
///
/// Threading  the worker's own thread, except where said
class Worker final : private ClientSink,
                     private DtlsConnection::Wire,
                     private PeerConnections::Sink,
                     private RelayEngine::Sink {
public:
    Worker(unsigned index, Node& node, core::Config config,
           std::shared_ptr<const core::CredentialSource> credentials,
           std::shared_ptr<const core::PeerPolicy> policy);
    ~Worker();

    // ---- before start(), on the pool's thread ----
    // `settings` and `tls` outlive the worker; `tls` is null where neither TLS nor DTLS is.
    void listen_udp(UdpSocket socket, std::uint16_t listener, const Listener& settings, const TlsContext* tls);
    void listen_stream(FileDescriptor fd, std::uint16_t listener, const Listener& settings, const TlsContext* tls);
    void keep_in(std::unique_ptr<Journal> journal);
    void start();
    /// Lets the started thread run before those of ordinary priority, receiving included (SCHED_RR, 1 to 99). An
    /// errno; 0: done.
    int prioritize(unsigned priority) noexcept;
    /// Ends every allocation and the thread. From the pool's thread; idempotent.
    void stop();

    // ---- from any thread ----
    template <typename Task>
    void post(Task task) {
        mailbox_.post_task(std::move(task));
    }
    Instant heartbeat() const noexcept { return Instant{Nanoseconds{heartbeat_.load(std::memory_order_relaxed)}}; }

    // ---- posted by the pool ----
    core::Server& server() noexcept { return server_; }
    void add_to(Snapshot& snapshot) const;
    void set_policy(std::shared_ptr<const core::PeerPolicy> policy);
    std::size_t kill(core::AllocationId id, core::CloseReason reason);
    std::size_t kill_subject(std::string_view realm, std::string_view subject, core::CloseReason reason);

    // ---- moves (transfer.cpp) ----
    using Done = std::shared_ptr<Answer<bool>>;
    /// Moves the 5-tuple's allocation to `target`; false when this worker has none. `done` hears from there.
    bool move_away(const FiveTuple& tuple, unsigned target, Done done);

private:
    // A datagram in a moving 5-tuple's wake settles after a hop or two.
    static constexpr unsigned kHopsMax = 4;

    // A client's datagram that reached another worker than its owner.
    struct HandedDatagram;
    // An allocation on its way.
    struct Parcel {
        core::AllocationRecord record;
        std::vector<std::optional<MovingRelay>> relays;
        std::vector<std::unique_ptr<TcpRelay>> tcp_relays;  // one of both for each relayed address
        std::unique_ptr<StreamSession> session;
        std::unique_ptr<DtlsSession> association;
        std::uint64_t move = 0;
        unsigned from = 0;
        Done done;
    };
    // A stream client that leaves StreamSessions at the end of the round.
    struct Leaving {
        std::uint64_t link = 0;
        std::optional<core::ConnectionId> bound;  // to its peer; else to another worker
        unsigned worker = 0;
        Bytes request;
    };
    struct UdpListener {
        Worker* owner = nullptr;
        std::uint16_t index = 0;
        const Listener* settings = nullptr;
        UdpSocket socket;
        Event event;
    };

    void run();
    void settle();
    void keep_records();
    void on_timer();
    void rearm_timer();

    static void on_listener_readable(int fd, short what, void* listener);
    void receive_from_clients(UdpListener& listener);
    static bool take_proxy_header(core::Path& path, ByteSpan& payload) noexcept;
    void on_client_datagram(const core::Path& path, ByteSpan payload, const IpFields& ip, unsigned hops, Instant now);
    void on_client_message(const core::Path& path, ByteView message, const IpFields& ip, unsigned hops, Instant now);
    void relay_to_peer(const core::Path& path, ByteView message, const IpFields& ip, bool lasting, Instant now);
    struct Sending {
        bool dont_fragment = false;
        bool lasting = false;  // the payload is there until the end of the round
    };
    void send_to_peer(core::RelayId id, const Endpoint& peer, const std::optional<core::RelayHome>& home,
                      ByteView payload, const IpFields& ip, Sending how, Instant now);
    void deliver_to_client(core::RelayId id, const Endpoint& peer, ByteView payload, const IpFields& ip, bool lasting,
                           Instant now);

    // relay_inside.cpp
    bool relay_inside(const core::RelayHome& home, const Endpoint& from, ByteView payload, const IpFields& ip,
                      bool lasting, Instant now);
    void on_crossings();
    void take_crossings();
    void ring_crossings() noexcept;

    // RelayEngine::Sink; pass_on() is transfer.cpp's
    void on_peer_datagrams(std::span<const Datagrams> received) override;
    void on_peer_error(core::RelayId relay, const PeerError& error) override;
    void pass_on(unsigned worker, StrayDatagrams datagrams) override;
    void pass_on(unsigned worker, const StrayError& error) override;

    // ClientSink
    void on_frame(const core::Path& path, ByteSpan frame) override;
    void on_session_closed(const core::Path& path) override;
    void on_session_replaced(const core::Path& path) override;
    bool has_allocation(const FiveTuple& tuple) const override { return server_.knows(tuple); }
    void make_room() override;
    // DtlsConnection::Wire
    void send_record(const core::Path& to, ByteView datagram) override;

    // tcp_relaying.cpp
    static void on_peer_acceptable(int fd, short what, void* relay);
    void accept_peers(core::RelayId id);
    void connect_to_peer(const core::OpenConnection& request);
    void on_peer_connected(core::ConnectionId id, std::expected<void, core::ConnectError> opened) override;
    void on_peer_closed(core::ConnectionId id) override;
    std::size_t relayable(core::ConnectionId id, std::size_t at_most) noexcept override;
    void relayed(core::ConnectionId id, core::Direction direction, std::size_t size) noexcept override;
    void leave_streams(const core::Path& path, std::optional<core::ConnectionId> bound, unsigned worker,
                       ByteView request);
    void settle_leaving();
    void take_in(std::unique_ptr<StreamSession> session, ByteView request);

    // outbox_runner.cpp
    void run_outbox(const IpFields& ip = {}, unsigned hops = 0);
    void send_to_client(const core::Path& path, ByteView message);

    // transfer.cpp
    std::optional<unsigned> elsewhere(const FiveTuple& tuple) const noexcept;
    template <typename Stray>
    void pass_on_stray(unsigned worker, Stray stray);
    void hand_over(unsigned to, const core::Path& path, ByteView payload, const IpFields& ip, unsigned hops);
    bool send_away(const FiveTuple& tuple, unsigned target, Done done);
    void fetch(const core::FetchAllocation& fetch, unsigned hops);
    void give(const FiveTuple& tuple, unsigned to, const core::Path& path, Bytes message, unsigned hops);
    void adopt(Parcel parcel);
    void refuse(Parcel parcel, const core::Path& path);
    void settle_in_journal(const Parcel& parcel);
    void learn_owner(const FiveTuple& tuple, Overrides::Entry owner, unsigned from);
    void forget_owner(const FiveTuple& tuple);

    const unsigned index_;
    Node& node_;
    EventLoop loop_;
    Mailbox mailbox_;
    DatagramReader reader_;
    TransmitQueue transmit_;
    BatchPacer pacer_;
    std::unique_ptr<RelayEngine> relays_;
    TcpRelays tcp_relays_;
    StreamSessions streams_;
    DtlsSessions dtls_;
    PeerConnections connections_;
    std::vector<std::unique_ptr<UdpListener>> udp_;  // by listener index; null for stream listeners
    Overrides overrides_;  // who has what arrives here
    Overrides guests_;     // what is here and arrives at another worker, its home
    IndicationIds indication_ids_;
    std::vector<DatagramRing> crossings_;  // by the worker that writes
    Bell crossing_bell_;
    std::vector<Worker*> to_ring_;  // got something in this round
    bool crossed_ = false;          // something was read from crossings_
    std::unique_ptr<Journal> journal_;  // outlives the server
    core::Server server_;
    core::Outbox outbox_;
    std::vector<FiveTuple> gone_;  // stream clients that ended in this round
    std::vector<Leaving> leaving_;
    std::size_t by_transport_[4] = {};
    Event timer_;
    std::optional<Instant> timer_at_;
    bool running_ = false;
    std::atomic<std::int64_t> heartbeat_{0};
    std::atomic<std::size_t> handed_waiting_{0};  // datagrams in our mailbox
    std::uint64_t malformed_ = 0, ttl_drops_ = 0;
    std::uint64_t handed_over_ = 0, hand_over_dropped_ = 0;
    std::uint64_t relayed_inside_ = 0, crossings_dropped_ = 0;
    std::thread thread_;
};

}  // namespace turnpike::net
