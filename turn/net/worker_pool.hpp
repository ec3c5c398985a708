#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"
#include "turn/core/server.hpp"
#include "turn/net/io_engine.hpp"
#include "turn/net/journal_blocks.hpp"
#include "turn/net/tls_context.hpp"

namespace turnpike::net {

/// One client-facing socket address.
struct Listener {
    Transport transport = Transport::Udp;
    bool also_secure = false;               // UDP and TCP: DTLS or TLS on the same port, told apart by the first byte
    Endpoint address;                       // port 0: the kernel picks one (tests)
    std::string realm;
    std::string certificate_file, key_file; // PEM; TLS and DTLS
    std::vector<CertificateFiles> more_certificates;  // chosen by the server name that the client asks for
    std::optional<Endpoint> upstream;       // streams: where connections go that are no TURN
    std::vector<Cidr> proxy_protocol;       // networks whose proxies say for whom they speak

    bool stream() const noexcept { return is_stream(transport); }
    bool secure() const noexcept { return also_secure || transport == Transport::Tls || transport == Transport::Dtls; }
    /// Whether it takes clients of that transport.
    bool takes(Transport t) const noexcept {
        return t == transport || (also_secure && t == (stream() ? Transport::Tls : Transport::Dtls));
    }
    std::vector<CertificateFiles> certificates() const {
        std::vector<CertificateFiles> all{{certificate_file, key_file}};
        all.insert(all.end(), more_certificates.begin(), more_certificates.end());
        return all;
    }
    bool believes_proxy(const IpAddress& proxy) const noexcept {
        for (const Cidr& block : proxy_protocol) {
            if (block.contains(proxy)) return true;
        }
        return false;
    }
    /// As the configuration has it: "tls", "tcp+tls".
    std::string transports() const;
};

struct Limits {
    std::size_t stream_queue_bytes_max = 64 * 1024;  // per client; beyond it the newest datagram is dropped
    std::size_t stream_sessions_max = 10'000;        // of the node
    std::size_t stream_sessions_per_source = 64;     // per IPv4 address or IPv6 /64
    Seconds first_byte = 5s, handshake = 5s, first_frame = 10s, idle = 5min;
    Seconds dtls_handshake = 10s;                    // flights may be lost, and are sent again after 1, 3 and 7 s
    std::size_t handshakes_max = 1'000;              // TLS and DTLS handshakes under way
    double handshakes_per_second = 20, handshakes_burst = 100;  // of one source; 0 per second: no limit
    // SO_RCVBUF and SO_SNDBUF of listeners. The kernel charges a datagram's whole buffer, a page behind some network
    // cards: this is some 20 ms of a worker's full load there.
    int socket_buffer_bytes = 8 << 20;
};

/// Where workers keep the records of their allocations (journal.hpp).
struct JournalOptions {
    std::filesystem::path directory;
    BootId boot{};
    std::function<void(const std::string& why)> off;  // a worker goes on without; on any thread: be quick
};

struct Options {
    std::vector<Listener> listeners;
    unsigned workers = 0;                   // 0: one per core
    std::vector<core::RelayDirectory::Address> relay_addresses;
    std::uint16_t port_min = 49152, port_max = 65535;
    IoEngine engine = IoEngine::Auto;
    unsigned realtime_priority = 0;         // of the workers' threads, 1 to 99 (SCHED_RR); 0: scheduled as others are
    core::Config core;                      // `listeners` of it is filled in from ours
    Limits limits;
    std::vector<Cidr> limits_exempt;
    std::optional<JournalOptions> journal;
    /// An upstream that could not be reached (errno), on a worker's thread: be quick.
    std::function<void(const Endpoint& upstream, int error)> upstream_failed;
};

/// Why the pool did not start, as one sentence that names the place and the fix:
/// "cannot listen on udp 0.0.0.0:3478: address already in use; stop the other server or change [[listen]] address".
struct StartError {
    std::string message;
};

/// What all workers together did and have.
struct Snapshot {
    core::Counters counters;
    std::size_t allocations = 0;
    std::size_t allocations_by_transport[4] = {};
    std::size_t stream_sessions = 0;             // of clients that have a connection: TCP, TLS, DTLS
    std::size_t peer_connections = 0;            // of allocations for TCP
    std::size_t ports_used = 0, ports_capacity = 0;
    std::uint64_t datagrams_received = 0, datagrams_sent = 0, receive_drops = 0;  // SO_RXQ_OVFL
    std::uint64_t tls_handshakes_ok = 0, tls_handshakes_failed = 0, tls_handshakes_refused = 0;  // DTLS too
    std::size_t dtls_sessions = 0;               // of stream_sessions
    std::size_t upstream_connections = 0;
    std::uint64_t upstream_opened = 0, upstream_failed = 0;
    std::size_t ports_reserved = 0;              // held for a RESERVATION-TOKEN
    std::size_t ports_quarantined = 0;           // released less than 120 s ago
    std::uint64_t send_drops = 0;                // socket buffer full, or the kernel refused the datagram
    std::uint64_t stream_queue_drops = 0;        // media for a client that reads too slowly
    std::uint64_t stream_sessions_refused = 0;   // over a cap
    std::uint64_t ttl_drops = 0;                 // would have left with TTL 0
    std::uint64_t relayed_inside = 0;       // datagrams from one relayed address of this node to another
    std::uint64_t handed_over = 0, hand_over_drops = 0;  // datagrams between workers; a full mailbox
    std::size_t journals = 0;                    // workers that have one and keep it
    std::size_t journal_records = 0, journal_bytes = 0;
    std::vector<Instant> heartbeats;        // when each worker's loop last turned
};

/// The relay's threads: one worker per core, each with its own SO_REUSEPORT sockets, its own
/// core::Server and its own relay sockets; and what they share (relay ports, steering overrides).
///
/// Threading  every method but the destructor may be called from one control thread at a time;
///            calls that ask workers post to them and wait for their answer.
class WorkerPool {
public:
    /// AllocationOpened, AllocationClosed and RequestRefused, on the worker's thread: be quick.
    using ReportSink = std::function<void(const core::Action&)>;

    WorkerPool(Options options, std::shared_ptr<const core::CredentialSource> credentials,
               core::PeerPolicy::Rules peers, const Clock& clock, Random& random, ReportSink reports);
    ~WorkerPool();  // stops
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Opens and binds everything, then starts the threads. Nothing runs when it fails.
    std::expected<void, StartError> start();
    /// Ends every allocation (NodeStopped), closes everything, joins the threads. Idempotent.
    void stop();

    /// The addresses really bound, in the order of Options::listeners.
    std::vector<Listener> listeners() const;
    unsigned workers() const noexcept;
    const core::RelayDirectory& relays() const noexcept;
    /// The engine that runs, never Auto, and why that one: known once it has started.
    IoEngine engine() const noexcept;
    const std::string& engine_why() const noexcept;

    Snapshot snapshot() const;
    /// At most `at_most` allocations that match, the oldest of all workers first. Workers are asked for a few at a time.
    std::vector<core::AllocationSummary> allocations(const core::AllocationFilter& filter = {},
                                                     std::size_t at_most = SIZE_MAX) const;
    std::size_t kill(core::AllocationId id, core::CloseReason reason);
    /// Revokes the subject until `until` and ends its allocations; the number ended.
    std::size_t revoke(std::string_view realm, std::string_view subject, WallTime until);
    std::vector<core::Revocations::Entry> revocations() const;
    void set_credentials(std::shared_ptr<const core::CredentialSource> credentials);
    /// Permissions and channels that it does not allow any more end now.
    void set_policy(core::PeerPolicy::Rules peers);
    /// Reads certificate files again; live connections keep theirs. A listener whose files are no good keeps what it
    /// had, and the others change all the same.
    std::expected<void, StartError> reload_certificates();

    /// Moves the allocation of a 5-tuple (with its stream connection, if it has one) to a worker;
    /// false when there is none or it is gone. Later datagrams of the 5-tuple find it there.
    bool transfer(const FiveTuple& tuple, unsigned worker);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::net
