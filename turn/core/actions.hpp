#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "turn/core/connection_id.hpp"
#include "turn/core/path.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::core {

/// What an allocation moved, counted at the relay: payload without TURN framing.
struct Traffic {
    std::uint64_t bytes_to_peer = 0, packets_to_peer = 0;
    std::uint64_t bytes_to_client = 0, packets_to_client = 0;
};

/// A view into the outbox's own storage; stays good while the outbox grows, until clear().
struct Stored {
    std::uint32_t offset = 0, size = 0;
};

struct SendToClient {
    Path path;
    Stored message;
};

/// One datagram to a peer. `payload` borrows the input of the call that made the action.
struct SendToPeer {
    RelayId relay;
    Endpoint peer;  // where the datagram really goes (a local address for our own relayed ones)
    std::optional<RelayHome> home;  // where `peer` is, if it is a relayed address of this node
    ByteView payload;
    bool dont_fragment = false;
};

/// Bind a relayed transport address, then call Server::relay_opened with the same id.
struct OpenRelay {
    RelayId relay;
    Family family = Family::V4;
    std::optional<Endpoint> exact;  // a restored allocation's own address; else a random port
    bool even = false;              // an even port (EVEN-PORT, RFC 8656 §18.7)
    bool reserve_next = false;      // and the next higher one is to be held, until it is asked for or let go
    bool reserved = false;          // `exact` is such a held one
    RelayProtocol protocol = RelayProtocol::Udp;  // Tcp: listen there
};

/// Connect from a relayed address to a peer, then call Server::connection_opened with the same id.
struct OpenConnection {
    ConnectionId id;
    RelayId relay;
    Endpoint peer;  // where it really goes (a local address for our own relayed ones)
};
/// End a connection with a peer, and the client's data connection if it has one.
struct CloseConnection {
    ConnectionId id;
};
/// What the stream client of `data` sends from now on is the peer's, and the other way round; what was sent
/// to it before goes first.
struct BindConnection {
    ConnectionId id;
    Path data;
};
/// The stream client of `path` belongs to another worker: its connection goes there, then `request` is to be
/// given to that worker's core.
struct PassOn {
    Path path;
    unsigned worker = 0;
    Stored request;
};

enum class Direction : std::uint8_t { ToPeer, ToClient };

struct CloseRelay {
    RelayId relay;
    bool with_next = false;  // the port that OpenRelay's reserve_next held goes too: nobody ever heard of it
};

/// A held port that nobody asked for in time is free again.
struct EndReservation {
    Endpoint local;
};

/// Another worker has the allocation of `tuple`: get it here, then give Server::on_message this message again.
struct FetchAllocation {
    unsigned worker = 0;
    FiveTuple tuple;
    Path path;
    Stored message;
};

/// The allocation has another 5-tuple from now on; nothing of the core's is at the old one any more.
struct ClientMoved {
    AllocationId id;
    FiveTuple from, to;
};

/// Close a stream client's connection once what was sent before has left.
struct CloseClient {
    Path path;
};

enum class CloseReason : std::uint8_t {
    Refreshed0,   // Refresh with LIFETIME 0
    Expired,
    ClientGone,   // its TCP or TLS connection ended
    Killed,
    Revoked,
    MaxSession,   // reached Config::max_session
    NodeStopped,
    NotRestored,  // a record whose relayed address could not be bound again
};
std::string_view to_string(CloseReason reason) noexcept;

/// Comes once before each AllocationClosed: with an Allocate's success, or when a record is restored.
struct AllocationOpened {
    AllocationId id;
    FiveTuple tuple;
    Endpoint relayed;
    std::string username, subject, realm;
};
/// The usage record.
struct AllocationClosed {
    AllocationId id;
    FiveTuple tuple;
    Endpoint relayed;
    std::string username, subject, realm;
    CloseReason reason = CloseReason::Expired;
    Traffic traffic;
    Nanoseconds duration{};
};
struct RequestRefused {
    stun::Method method{};
    stun::ErrorCode code{};
    Transport transport{};
};

using Action = std::variant<SendToClient, SendToPeer, OpenRelay, CloseRelay, EndReservation, FetchAllocation, ClientMoved,
                            OpenConnection, CloseConnection, BindConnection, PassOn, CloseClient, AllocationOpened,
                            AllocationClosed, RequestRefused>;

/// What the core decided in one turn, in order. The driver runs and clears it after every call.
/// Bounded: a turn that would exceed it drops further messages and datagrams, and counts them (no single
/// message can). What opens and closes is never dropped: there is no more of it than allocations.
class Outbox {
public:
    static constexpr std::size_t kActionsMax = 4096;
    static constexpr std::size_t kStorageMax = 4 << 20;

    void add(Action action) {
        if (actions_.size() >= kActionsMax && droppable(action)) {
            ++dropped_;
        } else {
            actions_.push_back(std::move(action));
        }
    }
    /// Copies the message in and adds the SendToClient.
    void send(const Path& path, ByteView message) {
        if (const auto stored = store(message)) add(SendToClient{path, *stored});
    }
    /// The same for FetchAllocation.
    void fetch(unsigned worker, const FiveTuple& tuple, const Path& path, ByteView message) {
        if (const auto stored = store(message)) add(FetchAllocation{worker, tuple, path, *stored});
    }
    /// Copies the request in and adds the PassOn.
    void pass_on(const Path& path, unsigned worker, ByteView request) {
        if (const auto stored = store(request)) add(PassOn{path, worker, *stored});
    }
    ByteView bytes(Stored stored) const noexcept { return ByteView{storage_}.subspan(stored.offset, stored.size); }

    const std::vector<Action>& actions() const noexcept { return actions_; }
    bool empty() const noexcept { return actions_.empty(); }
    std::uint64_t dropped() const noexcept { return dropped_; }
    void clear() noexcept {
        actions_.clear();
        storage_.clear();
    }

private:
    std::optional<Stored> store(ByteView message) {
        if (message.empty() || storage_.size() + message.size() > kStorageMax) {
            ++dropped_;
            return {};
        }
        const Stored stored{static_cast<std::uint32_t>(storage_.size()), static_cast<std::uint32_t>(message.size())};
        storage_.insert(storage_.end(), message.begin(), message.end());
        return stored;
    }
    static bool droppable(const Action& action) noexcept {
        return std::holds_alternative<SendToClient>(action) || std::holds_alternative<SendToPeer>(action) ||
               std::holds_alternative<FetchAllocation>(action) ||
               std::holds_alternative<RequestRefused>(action);
    }

    std::vector<Action> actions_;
    Bytes storage_;
    std::uint64_t dropped_ = 0;
};

}  // namespace turnpike::core
