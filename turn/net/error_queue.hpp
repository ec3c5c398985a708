#pragma once

#include <optional>

#include "common/base/endpoint.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// An ICMP message about a datagram that a socket sent.
struct PeerError {
    Endpoint peer;  // where the datagram was sent to
    std::uint8_t type = 0, code = 0;
    std::uint32_t mtu = 0;  // of the next hop, where that is the trouble; else 0

    /// About what this machine's own link does not take, IPv4 does not say the port: it is the peer's that was
    /// sent to last.
    PeerError completed(const Endpoint& last) const noexcept {
        PeerError whole = *this;
        if (peer.port == 0 && peer.address == last.address) whole.peer = last;
        return whole;
    }

    friend bool operator==(const PeerError&, const PeerError&) noexcept = default;
};

/// Takes one entry off the error queue of a socket that was opened with `errors`. Nothing when the
/// queue is empty; an entry without a value is one that no peer or router sent.
///
/// A datagram that does not fit this machine's own link counts as if the link's router had said so.
///
/// Source  ip(7) IP_RECVERR, ipv6(7) IPV6_RECVERR
std::optional<std::optional<PeerError>> next_error(const UdpSocket& socket) noexcept;

}  // namespace turnpike::net
