#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "turn/core/actions.hpp"
#include "turn/core/relay_directory.hpp"
#include "turn/core/server.hpp"
#include "turn/net/datagram_reader.hpp"
#include "turn/net/error_queue.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/relay_ports.hpp"
#include "turn/net/reserved_sockets.hpp"
#include "turn/net/transmit_queue.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A relayed address that is in no worker's table: on its way from one to another. It holds its
/// port.
struct MovingRelay {
    UdpSocket socket;              // `local` always; a descriptor where the engine has one for it
    std::optional<Endpoint> next;  // the port that was held with it
};

/// What arrived at another worker than the one that has its relayed address by now.
struct StrayDatagrams {
    Endpoint relayed;  // local form
    Endpoint source;
    IpFields ip;
    Bytes bytes;
    std::size_t size = 0;  // of each of several, as Datagrams has it
    unsigned hops = 0;
};
struct StrayError {
    Endpoint relayed;
    PeerError error;
    unsigned hops = 0;
};

/// How a worker's relayed UDP addresses reach peers. The worker says what is sent and closed, and
/// hears what came; it does not know which engine runs.
///
/// Threading  the owning worker; RelayPorts, ReservedSockets and RelayDirectory are the node's
class RelayEngine {
public:
    /// The worker's side.
    class Sink {
    public:
        /// What peers sent; Datagrams::relay says to which relayed address. Borrowed until make_room().
        virtual void on_peer_datagrams(std::span<const Datagrams> received) = 0;
        /// ICMP about a datagram that was sent from the relayed address.
        virtual void on_peer_error(core::RelayId relay, const PeerError& error) = 0;
        /// Sends what borrows receive memory, so that it can be used again.
        virtual void make_room() = 0;
        /// For the engine of another worker, which gets it by take().
        virtual void pass_on(unsigned worker, StrayDatagrams datagrams) = 0;
        virtual void pass_on(unsigned worker, const StrayError& error) = 0;

    protected:
        ~Sink() = default;
    };

    /// What an engine works with: its worker's, and the node's.
    struct Parts {
        unsigned worker;
        const EventLoop& loop;
        DatagramReader& reader;
        TransmitQueue& transmit;
        RelayPorts& ports;
        ReservedSockets& reserved;
        core::RelayDirectory& directory;
        Random& random;
        const Clock& clock;
        Sink& sink;
    };

    struct Counters {
        std::uint64_t sent = 0, dropped = 0;  // beside TransmitQueue's
    };

    virtual ~RelayEngine() = default;
    RelayEngine(const RelayEngine&) = delete;
    RelayEngine& operator=(const RelayEngine&) = delete;

    /// A relayed address: at a random port of a random address of that family, exactly where a
    /// restored allocation had it, or where one was reserved. The local form.
    virtual std::expected<Endpoint, core::OpenError> open(const core::OpenRelay& request,
                                                          Instant now) = 0;
    /// Sends what waits and ends it; the port starts to rest. Nothing happens for a stale id.
    virtual void close(core::RelayId id, Instant now) = 0;
    /// A held port starts to rest: its own, or the one that was held with the relayed address `id`.
    virtual void end_reservation(const Endpoint& local, Instant now) = 0;
    virtual void end_next_of(core::RelayId id, Instant now) = 0;

    /// Sends what waits and takes it out, alive, for another worker; nothing when the id is stale.
    virtual std::optional<MovingRelay> release(core::RelayId id, unsigned to) = 0;
    virtual void adopt(MovingRelay relay, core::RelayId id) = 0;
    /// Ends one that is in no table: the port starts to rest.
    virtual void end(MovingRelay relay, Instant now) = 0;

    /// The local form; nothing for a stale id.
    virtual std::optional<Endpoint> local(core::RelayId id) const noexcept = 0;

    /// Queues a datagram, as the peer shall get it; nothing happens for a stale id. Borrows the
    /// payload until flush().
    virtual void send(core::RelayId id, const Endpoint& peer, ByteView payload, const IpFields& ip,
                      bool dont_fragment) noexcept = 0;
    /// Queues a datagram to a client, as `listener` would send it from its address `from`; false where
    /// that socket has to do it itself. Borrows the payload until flush().
    virtual bool send_to_client(UdpSocket& listener, const IpAddress& from, const Outgoing& datagram,
                                const Endpoint& client, const IpFields& ip) noexcept = 0;
    /// What is queued here and not in the worker's TransmitQueue leaves.
    virtual void flush() noexcept = 0;

    /// What another worker passed on.
    virtual void take(StrayDatagrams datagrams) = 0;
    virtual void take(const StrayError& error) = 0;

    virtual std::size_t size() const noexcept = 0;
    virtual Counters counters() const noexcept = 0;

protected:
    RelayEngine() = default;
};

}  // namespace turnpike::net
