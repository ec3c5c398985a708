#pragma once

#include <optional>

#include "benchmarks/load/address_pool.hpp"
#include "benchmarks/load/fleet.hpp"

namespace turnpike::bench {

/// The sockets of a bare forwarder, as the relay's two engines have them: one for each allocation, or one for all and
/// raw ones to send from.
enum class Layout { Sockets, Range };

/// A fleet without TURN, for a forwarder that knows from the addresses what goes where: the n-th client's datagrams to
/// the n-th peer, and back.
///
/// Shape  UDP over IPv4; a client's port is kClientPort, a peer's is the server's
struct BareFleet {
    static constexpr std::uint16_t kClientPort = 40'000, kRelayPort = 10'000;
    static constexpr std::uint16_t kChannel = 0x4000;
    static constexpr std::uint32_t kMembersMax = 50'000;

    Endpoint server;
    IpAddress relayed;
    AddressPool clients, peers;
    std::uint32_t members = 0;
    Layout layout = Layout::Sockets;

    Endpoint client(std::uint32_t member) const noexcept { return {clients.at(member), kClientPort}; }
    Endpoint peer(std::uint32_t member) const noexcept { return {peers.at(member), server.port}; }
    /// One for all with the range layout.
    Endpoint relayed_of(std::uint32_t member) const noexcept {
        return {relayed, static_cast<std::uint16_t>(kRelayPort + (layout == Layout::Sockets ? member : 0))};
    }
    /// Nothing for an address of nobody.
    std::optional<std::uint32_t> member_at(const AddressPool& pool, const IpAddress& address) const noexcept {
        const auto index = pool.index_of(address);
        return index && *index < members ? index : std::nullopt;
    }
    Fleet fleet() const;
};

}  // namespace turnpike::bench
