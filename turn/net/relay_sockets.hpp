#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "turn/core/actions.hpp"
#include "turn/core/relay_directory.hpp"
#include "turn/core/server.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/relay_ports.hpp"
#include "turn/net/reserved_sockets.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A relayed transport address with its socket. It holds its port until it ends, wherever it moves.
struct RelaySocket {
    core::RelayId id;
    UdpSocket socket;
    std::optional<Endpoint> next;  // the port that was held with it
    void* owner = nullptr;  // whose `readable` it is
    Event event;
};

/// A worker's relayed addresses, found by RelayId::slot.
///
/// Threading  the owning worker; RelayPorts, ReservedSockets and RelayDirectory are the node's
class RelaySockets {
public:
    /// `readable(fd, what, RelaySocket*)` is called when a peer's datagram is there.
    RelaySockets(const EventLoop& loop, RelayPorts& ports, ReservedSockets& reserved, core::RelayDirectory& directory,
                 Random& random, unsigned worker, Event::Callback readable, void* owner);
    ~RelaySockets();
    RelaySockets(const RelaySockets&) = delete;
    RelaySockets& operator=(const RelaySockets&) = delete;

    /// Binds a relayed address: at a random port of a random address of that family, exactly where
    /// a restored allocation had it, or where one was reserved. The local form.
    std::expected<Endpoint, core::OpenError> open(const core::OpenRelay& request, Instant now);
    /// Ends it; the port starts to rest.
    void close(core::RelayId id, Instant now);
    /// A held port starts to rest: its own, or the one that was held with the relayed address `id`.
    void end_reservation(const Endpoint& local, Instant now);
    void end_next_of(core::RelayId id, Instant now);
    RelaySocket* find(core::RelayId id) noexcept;

    /// Takes it out, alive, for another worker; nothing when the id is stale.
    std::unique_ptr<RelaySocket> release(core::RelayId id) noexcept;
    void adopt(std::unique_ptr<RelaySocket> relay, core::RelayId id);

    /// Ends one that is in no table: the port starts to rest.
    void end(std::unique_ptr<RelaySocket> relay, Instant now);

    std::size_t size() const noexcept { return size_; }

private:
    std::expected<UdpSocket, core::OpenError> bind(const core::OpenRelay& request, Instant now);
    std::expected<UdpSocket, int> bind_drawn(const Endpoint& local, bool reserve_next);
    std::expected<UdpSocket, core::OpenError> bind_exact(const Endpoint& local, Instant now);
    std::expected<UdpSocket, core::OpenError> take_reserved(const Endpoint& local);
    void put(std::unique_ptr<RelaySocket> relay);

    const EventLoop& loop_;
    RelayPorts& ports_;
    ReservedSockets& reserved_;
    core::RelayDirectory& directory_;
    Random& random_;
    const unsigned worker_;
    Event::Callback readable_;
    void* owner_;
    std::vector<std::unique_ptr<RelaySocket>> slots_;
    std::size_t size_ = 0;
};

}  // namespace turnpike::net
