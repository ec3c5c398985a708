#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>

#include "turn/core/allocation.hpp"
#include "turn/core/connection_id.hpp"
#include "turn/core/peer_policy.hpp"
#include "turn/core/reply.hpp"

namespace turnpike::core {

/// A TCP connection between a relayed address and a peer.
///
/// Source  RFC 6062 §5
struct Connection {
    enum class Stage : std::uint8_t {
        Connecting,  // Connect waits for the peer
        Unbound,     // the client knows the id and has not come for it
        Bound,       // a data connection of the client carries its bytes
    };

    ConnectionId id;
    Allocation* allocation = nullptr;
    Endpoint peer;                      // external form
    Stage stage = Stage::Unbound;
    std::optional<Envelope> answer_to;  // Connecting
    Wheel::Handle deadline;             // Connecting, Unbound
};

/// The peer connections of one worker's allocations, by id. A connection stays where it is in memory
/// while it is in here.
class Connections {
public:
    explicit Connections(HashKey key) : by_id_(0, Hash{key}) {}

    Connection* find(ConnectionId id) const noexcept {
        const auto found = by_id_.find(id.value);
        return found == by_id_.end() ? nullptr : found->second.get();
    }
    /// The connection of the allocation with that peer.
    Connection* find(const Allocation& allocation, const Endpoint& peer) const noexcept {
        for (const ConnectionId id : allocation.uncommon().connections) {
            Connection* const connection = find(id);
            if (connection->peer == peer) return connection;
        }
        return nullptr;
    }
    /// A new one, named in its allocation too. The token proves that the policy was asked (T6).
    Connection& add(ConnectionId id, Allocation& allocation, const PolicyToken&, const Endpoint& peer) {
        auto connection = std::make_unique<Connection>();
        connection->id = id;
        connection->allocation = &allocation;
        connection->peer = peer;
        allocation.more().connections.push_back(id);
        return *by_id_.emplace(id.value, std::move(connection)).first->second;
    }
    void erase(Connection& connection) {
        std::erase(connection.allocation->more().connections, connection.id);
        by_id_.erase(connection.id.value);
    }
    std::size_t size() const noexcept { return by_id_.size(); }

private:
    struct Hash {
        using is_avalanching = void;
        HashKey key;
        std::size_t operator()(std::uint32_t id) const noexcept {
            std::array<std::uint8_t, 4> raw{};
            store_u32(raw, 0, id);
            return static_cast<std::size_t>(key(raw));
        }
    };
    boost::unordered_flat_map<std::uint32_t, std::unique_ptr<Connection>, Hash> by_id_;
};

}  // namespace turnpike::core
