#pragma once

#include <memory>
#include <optional>

#include "benchmarks/load/fleet_driver.hpp"
#include "benchmarks/load/traffic.hpp"

namespace turnpike::bench {

/// The way of `clients` clients to the target. Without `addresses`: 127.1.0.0/16 towards loopback,
/// else the address that the route has, and a port each. `segments`: UDP_SEGMENT and UDP_GRO.
std::expected<std::unique_ptr<ClientLink>, std::string> open_link(const Target& target,
                                                                  std::uint32_t clients,
                                                                  std::optional<Cidr> addresses,
                                                                  bool segments,
                                                                  Nanoseconds connect_timeout);

struct RigOptions {
    Target target;
    std::uint32_t allocations = 100;
    Framing framing = Framing::Channels;
    bool relay_to_relay = false;
    bool segments = false;  // UDP_SEGMENT and UDP_GRO
    bool direct = false;    // no server: from client to peer by what routes in between; UDP, to peers only
    std::optional<Cidr> client_addresses, peer_addresses;
    std::string peer_netns;
    std::optional<Family> relay_family;  // of relayed addresses and peers; else the server's
    FleetDriver::Options driver;
};

/// All that a mode with allocations needs, put together: the clients' way to the server, the peers,
/// the fleet and what drives it.
///
/// Lifetime   owns all; borrows clock, random and stop. Not to be moved: its parts know each other
/// Threading  one thread
class Rig {
public:
    static std::expected<std::unique_ptr<Rig>, std::string> open(
        RigOptions options, const Clock& clock, Random& random,
        const volatile std::sig_atomic_t& stop);

    const RigOptions& options() const noexcept { return options_; }
    FleetMaker& maker() noexcept { return *maker_; }
    FleetDriver& driver() noexcept { return *driver_; }
    ClientLink& link() noexcept { return *link_; }
    /// Null with relay-to-relay.
    DatagramPort* peers() noexcept { return peers_.get(); }
    /// Makes the fleet, or with `direct` says what it is.
    std::expected<void, std::string> make_fleet();
    Traffic traffic(CpuMeter& cpu) {
        return {*maker_, *link_, peers_.get(), options_.framing, clock_, cpu, stop_};
    }

private:
    Rig(RigOptions options, const Clock& clock, const volatile std::sig_atomic_t& stop)
        : options_(std::move(options)), clock_(clock), stop_(stop) {}
    std::expected<void, std::string> open_peers();
    std::expected<void, std::string> open_clients();

    RigOptions options_;
    const Clock& clock_;
    const volatile std::sig_atomic_t& stop_;
    std::unique_ptr<ClientLink> link_;
    std::unique_ptr<DatagramPort> peers_;  // null with relay-to-relay
    std::unique_ptr<FleetMaker> maker_;
    std::unique_ptr<FleetDriver> driver_;
};

}  // namespace turnpike::bench
