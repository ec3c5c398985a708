#pragma once

#include "common/base/five_tuple.hpp"
#include "common/base/ids.hpp"

namespace turnpike::core {

/// The way a client's message came in, and the way answers go out.
struct Path {
    FiveTuple tuple;
    std::uint16_t listener = 0;  // index into Config::listeners: it has the realm
    std::uint64_t link = 0;      // the driver's own handle (a socket, a stream session); the core only hands it back
    Endpoint via{};              // the proxy that what is for the client goes to; port 0: to the client itself

    const Endpoint& next_hop() const noexcept { return via.port != 0 ? via : tuple.client; }
};

/// One relayed transport address. The slot is a dense index, so both the core and the driver find
/// their side of it without hashing; the generation tells a reused slot from a stale id.
struct RelayId {
    static constexpr std::uint32_t kSlotsMax = 1U << 24, kGenerationMax = (1U << 24) - 1;

    std::uint32_t slot = UINT32_MAX;
    std::uint32_t generation = 0;

    explicit operator bool() const noexcept { return slot != UINT32_MAX; }
    friend bool operator==(RelayId, RelayId) noexcept = default;
};

/// The worker that has a relayed transport address, and its id there.
struct RelayHome {
    unsigned worker = 0;
    RelayId relay;

    friend bool operator==(const RelayHome&, const RelayHome&) noexcept = default;
};

/// What a relayed transport address speaks with peers: REQUESTED-TRANSPORT (RFC 8656 §18.8, RFC 6062 §4.1).
enum class RelayProtocol : std::uint8_t { Udp, Tcp };

/// Names an allocation in logs, records and the CLI; unique on the node, never used twice.
struct AllocationIdTag;
using AllocationId = StrongId<AllocationIdTag>;

}  // namespace turnpike::core
