#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/base/deadline_wheel.hpp"
#include "turn/net/client_sink.hpp"
#include "turn/net/datagram_reader.hpp"
#include "turn/net/dtls_connection.hpp"
#include "turn/net/dtls_datagram.hpp"
#include "turn/net/outgoing.hpp"
#include "turn/net/stream_census.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::net {

/// A DTLS client: its association, and the one that would replace it.
struct DtlsSession {
    core::Path path;
    StreamCensus::Place place;
    std::unique_ptr<DtlsConnection> live;       // after its handshake
    std::unique_ptr<DtlsConnection> candidate;  // in its handshake: the first, or a client's that began anew
    Instant opened_at{};    // when `live` was
    Instant received_at{};  // last message from the client
    bool spoken = false;    // `live` has brought a message
};

/// A worker's DTLS clients, which share the listeners' UDP sockets and are told apart by 5-tuple.
///
/// Nothing is kept of a datagram whose sender has not returned a cookie (T32). A ClientHello on a live
/// association starts a second one beside it, which takes its place when its own handshake is done and not
/// before (T33, RFC 6347 §4.2.8); alerts in the clear are never believed.
///
/// A session is named by its link: slot and generation, so that a stale one finds nothing.
///
/// Threading  the owning worker
class DtlsSessions {
public:
    DtlsSessions(DatagramReader& memory, StreamCensus& census, HandshakeLimits& handshakes, const DtlsCookies& cookies,
                 const Limits& limits, const Clock& clock, ClientSink& sink, DtlsConnection::Wire& wire);
    ~DtlsSessions();
    DtlsSessions(const DtlsSessions&) = delete;
    DtlsSessions& operator=(const DtlsSessions&) = delete;

    /// Takes clients of that listener from now on.
    void listen(std::uint16_t listener, const TlsContext& tls);

    /// A datagram that begins like a DTLS record. `path.tuple.transport` is Dtls.
    void receive(const core::Path& path, ByteView datagram, Instant now);
    bool knows(const FiveTuple& tuple) const noexcept { return by_tuple_.contains(tuple); }

    /// One message to a client, at once.
    void send(std::uint64_t link, ByteView message);
    void send(std::uint64_t link, const Outgoing& message);
    /// Says goodbye and forgets it.
    void close(std::uint64_t link);
    void close_all();

    /// Once per wake: forgets ended sessions.
    void settle() noexcept { ended_.clear(); }
    void advance(Instant now);
    bool has_deadlines() const noexcept { return wheel_.armed() > 0; }

    /// Takes a session out, alive, for another worker; nothing when the 5-tuple has none.
    std::unique_ptr<DtlsSession> release(const FiveTuple& tuple);
    /// Its link here; 0 when the 5-tuple is taken.
    std::uint64_t adopt(std::unique_ptr<DtlsSession> session);

    std::size_t size() const noexcept { return by_tuple_.size(); }

    std::uint64_t handshakes_ok = 0, handshakes_failed = 0, handshakes_refused = 0;
    std::uint64_t refused = 0;         // sessions over a cap
    std::uint64_t dropped = 0;         // datagrams of no use
    std::uint64_t media_dropped = 0;   // messages that no record holds

private:
    struct Listening {
        const TlsContext* tls = nullptr;
        std::unique_ptr<DtlsConnection> spare;  // answers ClientHellos until one brings its cookie
        std::uint64_t generation = 0;           // of `tls`, that `spare` is from
    };
    struct Slot {
        std::unique_ptr<DtlsSession> session;
        std::uint32_t generation = 0;
        DeadlineWheel<std::uint64_t>::Handle deadline;
    };

    DtlsSession* find(std::uint64_t link) noexcept;
    void put(std::unique_ptr<DtlsSession> session, Instant now);
    std::unique_ptr<DtlsSession> take(std::uint64_t link);
    void end(DtlsSession& session);

    void on_client_hello(const core::Path& path, DtlsSession* session, const DtlsDatagram& opening, ByteView datagram,
                         Instant now);
    void begin(const core::Path& path, DtlsSession* session, std::unique_ptr<DtlsConnection> connection, Instant now);
    void feed_candidate(DtlsSession& session, ByteView datagram, Instant now);
    void feed_live(DtlsSession& session, ByteView datagram, Instant now);
    void promote(DtlsSession& session, Instant now);
    void drop_candidate(DtlsSession& session);

    Instant deadline_of(const DtlsSession& session) const noexcept;
    void rearm(DtlsSession& session, Instant now);
    void check_deadline(std::uint64_t link, Instant now);

    DatagramReader& memory_;
    StreamCensus& census_;
    HandshakeLimits& handshakes_;
    const DtlsCookies& cookies_;
    const Limits& limits_;
    const Clock& clock_;
    ClientSink& sink_;
    DtlsConnection::Wire& wire_;
    std::vector<Listening> listenings_;  // by listener index
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::unordered_map<FiveTuple, std::uint64_t, FiveTupleHash> by_tuple_;  // to links
    std::vector<std::unique_ptr<DtlsSession>> ended_;  // a caller above us may still hold a reference
    DeadlineWheel<std::uint64_t> wheel_;
    Bytes gathered_;  // the parts of one message
};

}  // namespace turnpike::net
