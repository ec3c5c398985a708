#pragma once

#include <expected>
#include <string>
#include <vector>

#include "turn/net/steering.hpp"
#include "turn/net/udp_socket.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::net {

/// One listener's sockets, bound to the same address: one for each worker, in the workers' order.
struct ListenerSockets {
    Endpoint bound;
    std::vector<UdpSocket> udp;         // UDP
    std::vector<FileDescriptor> stream; // TCP, TLS: listening
};

/// Opens them and sets up steering. A port that anybody else has is refused, also where the other one would share
/// it (SO_REUSEPORT), since the kernel would give each a part of the clients.
std::expected<ListenerSockets, StartError> open_listener(const Listener& listener, const Steering& steering,
                                                         const Limits& limits);

/// Whether a relayed address can be bound on this machine at all.
std::expected<void, StartError> check_relay_address(const IpAddress& address);

}  // namespace turnpike::net
