#pragma once

#include <expected>
#include <vector>

#include "turn/net/range_steering.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// Whether a port of a relay address is free, where no socket of ours says so to others: a socket
/// is bound to it for a moment. Where other programs steer ports too, as a second relay does, that
/// socket also has to hear what is sent to the port.
///
/// Threading  the constructor before the workers start; the rest any
class PortProbe {
public:
    explicit PortProbe(const RangeSteering& steering);

    /// The socket, to be closed when the port has been steered; or by errno why the port cannot be
    /// had.
    std::expected<UdpSocket, int> operator()(const Endpoint& local) const;

private:
    const RangeSteering& steering_;
    std::vector<bool> audible_;  // by address: a firewall may keep a socket from hearing itself
};

}  // namespace turnpike::net
