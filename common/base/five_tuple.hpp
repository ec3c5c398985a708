#pragma once

#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"

namespace turnpike {

/// Client and server transport address and the transport between them: what names an allocation
/// (RFC 8656 §2).
struct FiveTuple {
    Endpoint client;
    Endpoint server;
    Transport transport = Transport::Udp;

    friend bool operator==(const FiveTuple&, const FiveTuple&) noexcept = default;
};

/// Keyed, since a stranger chooses the client's half.
struct FiveTupleHash {
    using is_avalanching = void;  // boost::unordered_flat_map need not mix it again
    HashKey key;

    std::size_t operator()(const FiveTuple& t) const noexcept {
        std::array<std::uint8_t, 40> raw;
        std::memcpy(raw.data(), t.client.address.raw().data(), 16);
        std::memcpy(raw.data() + 16, t.server.address.raw().data(), 16);
        store_u16(raw, 32, t.client.port);
        store_u16(raw, 34, t.server.port);
        raw[36] = static_cast<std::uint8_t>(t.transport);
        raw[37] = static_cast<std::uint8_t>(t.client.address.family());
        raw[38] = raw[39] = 0;
        return static_cast<std::size_t>(key(raw));
    }
};

}  // namespace turnpike
