#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/endpoint.hpp"
#include "turn/core/path.hpp"

namespace turnpike::core {

/// The node's relay addresses, the public ones that stand for them, and which ports of each carry a
/// live allocation, and where: one flat array per address, asked per packet (DESIGN 5).
///
/// Behind a one-to-one NAT (`relay.external_ip`) the relayed address that a client is told is the
/// public form; the socket is bound to the local form. Nothing on the wire ever shows the local one.
///
/// Threading  any; one relaxed load per question
class RelayDirectory {
public:
    struct Address {
        IpAddress local;
        IpAddress external;  // == local when there is no mapping
    };

    explicit RelayDirectory(std::vector<Address> addresses);

    const std::vector<Address>& addresses() const noexcept { return addresses_; }
    /// Whether `address` is a relay address of this node, in either form.
    bool owns(const IpAddress& address) const noexcept { return index_of(address).has_value(); }
    /// Whether a live allocation has this relayed address (either form).
    bool live(const Endpoint& endpoint) const noexcept;
    Endpoint to_local(const Endpoint& endpoint) const noexcept;     // unchanged when not ours
    /// Where a datagram or a connection to a peer really goes: to the peer itself, or to the local form of a
    /// live relayed address of ours. `home` says which worker has that, unless it is just moving.
    struct Destination {
        Endpoint endpoint;
        std::optional<RelayHome> home;
    };
    /// Nothing when the address is ours and no live allocation has the port for that protocol (T8).
    std::optional<Destination> destination(const Endpoint& peer,
                                           RelayProtocol protocol = RelayProtocol::Udp) const noexcept;
    Endpoint to_external(const Endpoint& endpoint) const noexcept;  // unchanged when not ours

    /// The driver's side: a port goes live when it is bound, and ends. Without a home what is for it goes through
    /// the kernel, as while it moves between workers.
    void set_live(const Endpoint& local, std::optional<RelayHome> home,
                  RelayProtocol protocol = RelayProtocol::Udp) noexcept;
    void set_ended(const Endpoint& local) noexcept;

private:
    void set(const Endpoint& local, std::uint64_t entry) noexcept;
    std::optional<std::size_t> index_of(const IpAddress& address) const noexcept;
    std::optional<std::size_t> live_index(const Endpoint& endpoint) const noexcept;

    std::vector<Address> addresses_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> live_;  // addresses × 65,536 (relay_directory.cpp has the layout)
};

}  // namespace turnpike::core
