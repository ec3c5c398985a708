#include "benchmarks/load/bare_fleet.hpp"

namespace turnpike::bench {

Fleet BareFleet::fleet() const {
    Fleet fleet;
    fleet.server = server;
    for (std::uint32_t i = 0; i < members; ++i) {
        fleet.members.push_back({.client = client(i), .relayed = relayed_of(i), .peer = peer(i), .channel = kChannel});
    }
    return fleet;
}

}  // namespace turnpike::bench
