#pragma once

#include <cstdint>
#include <expected>

#include "common/base/endpoint.hpp"
#include "turn/net/file_descriptor.hpp"

namespace turnpike::net {

/// What of a datagram's IP header the relay carries over (RFC 8656 §15: time to live or hop limit,
/// DSCP and ECN). Unknown, as for a stream client's data: the system's defaults.
struct IpFields {
    int ttl = -1;
    std::uint8_t traffic_class = 0;  // DSCP and ECN

    bool expired() const noexcept { return ttl == 0 || ttl == 1; }
    /// As the next hop gets it.
    IpFields forwarded() const noexcept { return {ttl < 0 ? -1 : ttl - 1, traffic_class}; }
};

/// A bound UDP socket, with its place in the worker's transmit queue.
struct UdpSocket {
    static constexpr std::uint16_t kNone = UINT16_MAX;

    FileDescriptor fd;
    Endpoint local;                // as bound, with the port that the kernel chose
    std::uint32_t overflows = 0;   // SO_RXQ_OVFL: all that the kernel dropped so far
    std::uint16_t first_queued = kNone, last_queued = kNone;  // TransmitQueue's

    /// Bound to every address of its family: each datagram says which one it was sent to.
    bool wildcard() const noexcept { return local.address.is_unspecified(); }
};

struct UdpOptions {
    bool reuse_port = false;
    bool errors = false;   // ICMP about what it sent is queued (next_error)
    bool together = false; // datagrams of one sender that come together are received together (UDP_GRO)
    bool deaf = false;     // what arrives is thrown away until hear()
    int buffer_bytes = 0;  // 0: the system's default
    bool addressed = false;  // each datagram says to which address and port of ours it was sent; bound to any address
};

/// A non-blocking socket bound to `local`, reporting what DatagramReader wants to know; errno when not.
/// IPv6 ones take no IPv4; DF is off (RFC 8656 §15: fragments pass).
std::expected<UdpSocket, int> open_udp(const Endpoint& local, const UdpOptions& options);

/// From now on a deaf socket takes what arrives.
void hear(const UdpSocket& socket) noexcept;

/// DF on or off for what is sent from now on.
void set_dont_fragment(const UdpSocket& socket, bool on) noexcept;

/// Where a socket is bound.
Endpoint local_endpoint(int fd) noexcept;

}  // namespace turnpike::net
