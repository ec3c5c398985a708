#pragma once

#include <expected>
#include <functional>

#include "turn/core/actions.hpp"
#include "turn/core/server.hpp"
#include "turn/net/relay_ports.hpp"
#include "turn/net/reserved_sockets.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// Finds the port of a new relayed UDP address: one of RelayPorts that no other process has.
///
/// Threading  the owning worker; RelayPorts and ReservedSockets are the node's
class RelayBinder {
public:
    /// Binds a socket, or says by errno why it cannot be.
    using Open = std::function<std::expected<UdpSocket, int>(const Endpoint& local)>;

    RelayBinder(RelayPorts& ports, ReservedSockets& reserved, Random& random, Open open)
        : ports_(ports), reserved_(reserved), random_(random), open_(std::move(open)) {}

    /// At a random port of a random address of that family, exactly where a restored allocation had
    /// it, or where one was reserved. The port is used from now on, until release().
    std::expected<UdpSocket, core::OpenError> bind(const core::OpenRelay& request, Instant now);
    void release(const Endpoint& local, Instant now) noexcept { ports_.release(local, now); }
    /// A held port starts to rest, if nobody took it.
    void end_reservation(const Endpoint& local, Instant now);

    /// The port that is held with an even one.
    static Endpoint next_of(const Endpoint& local) noexcept {
        return {local.address, static_cast<std::uint16_t>(local.port + 1)};
    }

private:
    std::expected<UdpSocket, core::OpenError> draw(const core::OpenRelay& request, Instant now);
    std::expected<UdpSocket, int> open_drawn(const Endpoint& local, bool reserve_next);
    std::expected<UdpSocket, core::OpenError> bind_exact(const Endpoint& local, Instant now);
    std::expected<UdpSocket, core::OpenError> take_reserved(const Endpoint& local);

    RelayPorts& ports_;
    ReservedSockets& reserved_;
    Random& random_;
    Open open_;
};

}  // namespace turnpike::net
