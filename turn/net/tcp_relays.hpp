#pragma once

#include <expected>
#include <memory>
#include <unordered_map>

#include "turn/core/actions.hpp"
#include "turn/core/relay_directory.hpp"
#include "turn/core/server.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/relay_ports.hpp"

namespace turnpike::net {

/// A relayed transport address for TCP: where peers connect to, and where connections to peers come from.
/// It holds its port until it ends, wherever it moves.
struct TcpRelay {
    core::RelayId id;
    FileDescriptor fd;      // listening
    Endpoint local;
    void* owner = nullptr;  // whose `acceptable` it is
    Event event;
};

/// A worker's relayed addresses for TCP (RFC 6062). They draw from the same ports as those for UDP.
///
/// Nobody else can share the port: it is bound without SO_REUSEPORT, which is set only afterwards, for our
/// own connections to leave from it.
///
/// Threading  the owning worker; RelayPorts and RelayDirectory are the node's
class TcpRelays {
public:
    /// `acceptable(fd, what, TcpRelay*)` is called when a peer has connected.
    TcpRelays(const EventLoop& loop, RelayPorts& ports, core::RelayDirectory& directory, Random& random,
              Event::Callback acceptable, void* owner);
    ~TcpRelays();
    TcpRelays(const TcpRelays&) = delete;
    TcpRelays& operator=(const TcpRelays&) = delete;

    /// Listens on a random port of a random address of that family, or exactly where a restored
    /// allocation had it. The local form.
    std::expected<Endpoint, core::OpenError> open(const core::OpenRelay& request, Instant now);
    /// Ends it, if it is one for TCP; the port starts to rest.
    void close(core::RelayId id, Instant now);
    TcpRelay* find(core::RelayId id) noexcept;

    /// Out of descriptors: no more connections of this one until accept_again().
    void pause(TcpRelay& relay) noexcept;
    void accept_again() noexcept;

    /// Takes it out, alive, for another worker; nothing when it is none for TCP.
    std::unique_ptr<TcpRelay> release(core::RelayId id) noexcept;
    void adopt(std::unique_ptr<TcpRelay> relay, core::RelayId id);
    /// Ends one that is in no table.
    void end(std::unique_ptr<TcpRelay> relay, Instant now);

    std::size_t size() const noexcept { return by_slot_.size(); }

private:
    std::expected<std::unique_ptr<TcpRelay>, core::OpenError> listen(const core::OpenRelay& request, Instant now);
    void put(std::unique_ptr<TcpRelay> relay);

    const EventLoop& loop_;
    RelayPorts& ports_;
    core::RelayDirectory& directory_;
    Random& random_;
    Event::Callback acceptable_;
    void* owner_;
    std::unordered_map<std::uint32_t, std::unique_ptr<TcpRelay>> by_slot_;
    bool paused_ = false;
};

/// A connection from a relayed address to a peer has begun; errno when it cannot.
std::expected<FileDescriptor, int> connect_from(const Endpoint& relayed, const Endpoint& peer);

/// Ends a peer's connection at once (RST): it was not wanted.
void refuse_connection(FileDescriptor fd) noexcept;

}  // namespace turnpike::net
