#include "benchmarks/load/rig.hpp"

#include <sys/socket.h>

#include "benchmarks/load/connection_link.hpp"
#include "benchmarks/load/datagram_link.hpp"
#include "benchmarks/load/direct_link.hpp"
#include "benchmarks/load/network_namespace.hpp"

namespace turnpike::bench {
namespace {

// All of 127.0.0.0/8 is local: clients and peers get a block each.
constexpr std::uint32_t kClientBlock = 0x7F010000, kPeerBlock = 0x7F020000;
constexpr std::uint8_t kBlockLength = 16;

Cidr whole(const IpAddress& address) {
    return {address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
}

IpAddress loopback(Family family) {
    if (family == Family::V4) return IpAddress::v4(0x7F000001);
    std::array<std::uint8_t, 16> raw{};
    raw[15] = 1;
    return IpAddress::v6(raw);
}

// The address that this machine uses towards the server.
std::expected<IpAddress, std::string> local_towards(const Endpoint& server,
                                                    const std::string& netns) {
    const auto inside = InNamespace::enter(netns);
    if (!inside) return std::unexpected(inside.error());
    const auto socket = Socket::connected(server, SOCK_DGRAM, 1s);
    if (!socket) return std::unexpected(socket.error());
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(socket->descriptor(), reinterpret_cast<sockaddr*>(&name), &size);
    return Endpoint::from(reinterpret_cast<const sockaddr&>(name)).address;
}

}  // namespace

std::expected<std::unique_ptr<Rig>, std::string> Rig::open(RigOptions options, const Clock& clock,
                                                           Random& random,
                                                           const volatile std::sig_atomic_t& stop) {
    std::unique_ptr<Rig> rig{new Rig{std::move(options), clock, stop}};
    const RigOptions& o = rig->options_;
    if (auto opened = rig->open_peers(); !opened) return std::unexpected(opened.error());
    if (auto opened = rig->open_clients(); !opened) return std::unexpected(opened.error());
    // Who does not ask for a family gets the server's default, which is IPv4 (RFC 8656 §7.2).
    const Family family = o.relay_family.value_or(o.target.server.address.family());
    rig->maker_ = std::make_unique<FleetMaker>(
        *rig->link_, o.target,
        FleetMaker::Plan{.members = o.allocations,
                         .framing = o.framing,
                         .relay_to_relay = o.relay_to_relay,
                         .peer = [peers = rig->peers_.get()](
                                     std::uint32_t member) { return peers->local(member); },
                         .family = family == Family::V6 ? std::optional{family} : std::nullopt},
        clock.wall(), random);
    rig->driver_ = std::make_unique<FleetDriver>(*rig->maker_, *rig->link_, clock, stop, o.driver);
    return rig;
}

std::expected<void, std::string> Rig::open_clients() {
    const RigOptions& o = options_;
    if (o.direct) {
        if (!o.client_addresses) return std::unexpected("--direct needs --client-addresses");
        auto port = DatagramPort::open({.addresses = *o.client_addresses, .count = o.allocations, .netns = o.target.netns});
        if (!port) return std::unexpected("clients: " + port.error());
        link_ = std::make_unique<DirectLink>(std::move(*port), *peers_, o.allocations);
        return {};
    }
    auto link =
        open_link(o.target, o.allocations, o.client_addresses, o.segments, o.driver.patience);
    if (!link) return std::unexpected(link.error());
    link_ = std::move(*link);
    return {};
}

std::expected<void, std::string> Rig::make_fleet() {
    if (!options_.direct) return driver_->make_all();
    constexpr std::uint16_t kChannel = 0x4000;
    Fleet fleet;
    for (std::uint32_t i = 0; i < options_.allocations; ++i)
        fleet.members.push_back({.client = link_->local(i), .relayed = peers_->local(i), .peer = peers_->local(i), .channel = kChannel});
    maker_->stand_for(std::move(fleet));
    return {};
}

std::expected<std::unique_ptr<ClientLink>, std::string> open_link(const Target& target,
                                                                  std::uint32_t clients,
                                                                  std::optional<Cidr> addresses,
                                                                  bool segments,
                                                                  Nanoseconds connect_timeout) {
    if (target.transport != Transport::Udp)
        return std::make_unique<ConnectionLink>(target, clients,
                                                std::chrono::ceil<Milliseconds>(connect_timeout));
    if (!addresses && target.server.address.is_loopback() && target.server.address.is_v4()) {
        addresses = Cidr{IpAddress::v4(kClientBlock), kBlockLength};
    } else if (!addresses) {
        const auto local = local_towards(target.server, target.netns);
        if (!local) return std::unexpected(local.error());
        addresses = whole(*local);
    }
    auto port = DatagramPort::open(
        {.addresses = *addresses, .count = clients, .netns = target.netns, .segments = segments});
    if (!port) return std::unexpected("clients: " + port.error());
    return std::make_unique<DatagramLink>(std::move(*port), target.server);
}

std::expected<void, std::string> Rig::open_peers() {
    if (options_.relay_to_relay) return {};
    const Endpoint& server = options_.target.server;
    if (!options_.peer_addresses) {
        const Family family = options_.relay_family.value_or(server.address.family());
        if (!server.address.is_loopback()) {
            const auto local = local_towards(server, options_.target.netns);
            if (!local) return std::unexpected(local.error());
            options_.peer_addresses = whole(*local);
        } else if (family == Family::V4) {
            options_.peer_addresses = Cidr{IpAddress::v4(kPeerBlock), kBlockLength};
        } else {
            options_.peer_addresses = whole(loopback(family));
        }
    }
    auto port = DatagramPort::open({.addresses = *options_.peer_addresses,
                                    .count = options_.allocations,
                                    .netns = options_.peer_netns,
                                    .segments = options_.segments});
    if (!port) return std::unexpected("peers: " + port.error());
    peers_ = std::move(*port);
    return {};
}

}  // namespace turnpike::bench
