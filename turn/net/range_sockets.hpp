#pragma once

#include <array>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "common/base/random.hpp"
#include "turn/net/port_probe.hpp"
#include "turn/net/range_steering.hpp"
#include "turn/net/raw_sender.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A worker's sockets for all its relayed addresses.
struct RangeSockets {
    /// What peers send, by family; without a descriptor where no relay address is of it.
    std::array<UdpSocket, 2> receive;
    std::vector<RawSender> senders;      // by relay address; then for clients, from other addresses
    std::array<FileDescriptor, 2> icmp;  // by family; one worker has them for the node

    static std::size_t index_of(Family family) noexcept { return family == Family::V4 ? 0 : 1; }
};

/// All that the range engine needs of the kernel, for a whole node.
struct RangeSetup {
    std::unique_ptr<RangeSteering> steering;
    std::unique_ptr<PortProbe> probe;
    std::vector<RangeSockets> sockets;  // by worker

    /// Else why not: "bpf map: Operation not permitted". ICMP is heard about ports `first` to
    /// `last`; `listeners` are the addresses that clients know, where they are particular ones.
    static std::expected<RangeSetup, std::string> open(const std::vector<IpAddress>& addresses,
                                                       const std::vector<IpAddress>& listeners,
                                                       std::uint16_t first, std::uint16_t last,
                                                       unsigned workers, int buffer_bytes,
                                                       Random& random);
};

}  // namespace turnpike::net
