#pragma once

#include <cstdint>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// One allocation of a fleet: all addresses that a packet through it carries.
///
///     client ──ChannelData(channel)──▶ server ═ relayed ──payload──▶ peer
///
/// A packet to the peer goes from `client` to the fleet's server, as ChannelData of `channel`. One
/// to the client goes from `peer` to `relayed`. With relay-to-relay `peer` is the relayed address
/// of the member with number ^ 1.
struct FleetMember {
    Endpoint client, relayed, peer;
    std::uint16_t channel = 0;  // 0: a permission only, for Send indications
};

/// Allocations that are made and open towards their peers. What sends the traffic is another
/// matter: Traffic does it by sockets; whatever makes frames needs no more than is here.
///
/// Lifetime  the FleetMaker that made it refreshes it, and ends its allocations
struct Fleet {
    Endpoint server;
    Transport transport = Transport::Udp;
    bool relay_to_relay = false;
    std::vector<FleetMember> members;
};

}  // namespace turnpike::bench
