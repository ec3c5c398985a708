#pragma once

#include <optional>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::relay {

/// What the configuration has to know of the machine it is for; tests make their own.
struct Machine {
    std::vector<IpAddress> addresses;                 // of all interfaces, loopback included
    std::vector<IpAddress> network;  // what peers are not: gateways, resolvers, ends of subnets
    std::optional<IpAddress> default_v4, default_v6;  // where datagrams to the Internet leave from

    /// Asks the kernel. Nothing is sent.
    static Machine look();
    /// Whether a socket can be bound to it.
    bool has(const IpAddress& address) const;
};

}  // namespace turnpike::relay
