#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "turn/core/actions.hpp"
#include "turn/stun/channel_data.hpp"

namespace turnpike::core {

/// All there is to know of an allocation, as plain data: what restart, upgrade, take-over and moves
/// between workers read (DESIGN 4.2). Durations are what is left at the moment of writing.
struct AllocationRecord {
    struct Permission {
        IpAddress peer;
        Milliseconds left{};
    };
    struct Channel {
        std::uint16_t number = 0;
        Endpoint peer;
        Milliseconds left{};
    };

    AllocationId id;
    FiveTuple tuple;
    std::uint16_t listener = 0;
    Endpoint via;                           // Path's: the proxy between; port 0: none
    std::vector<Endpoint> relayed;          // local form; one per family
    Milliseconds left{};                    // time-to-expiry
    Milliseconds age{};                     // since Allocate, for max_session and usage
    std::string username, subject, realm;
    Bytes key_md5, key_sha256;              // long-term keys; twice the session key of an access token
    bool third_party = false;               // made with an access token, RFC 7635
    std::optional<Milliseconds> authorized_left;  // until that token ends
    std::uint32_t bandwidth_kbit_s = 0;     // 0: no limit
    std::uint32_t bandwidth_left = 0, packets_left = 0, new_peers_left = 0;  // of the rate limits' bursts
    bool relay_peers_only = false;
    RelayProtocol protocol = RelayProtocol::Udp;
    std::array<std::uint8_t, 12> allocate_transaction{};  // a retransmitted Allocate still finds its answer
    Bytes ticket;                         // MOBILITY-TICKET; empty: none
    std::string nonce;                    // the last accepted; empty: not kept
    Endpoint nonce_client;                // the client's address that it is bound to
    std::uint64_t reservation_token = 0;  // that the answer to it says; 0: none
    Traffic traffic;
    std::vector<Permission> permissions;
    std::vector<Channel> channels;

    static constexpr std::uint16_t kVersion = 2;

    /// Shape  magic(4) version(2) reserved(2) length(4) body(length) sha-256 cut to 8 bytes
    Bytes encode() const;
    enum class DecodeError : std::uint8_t { Truncated, BadMagic, UnknownVersion, BadChecksum, BadValue };
    static std::expected<AllocationRecord, DecodeError> decode(ByteView bytes);
};

}  // namespace turnpike::core
