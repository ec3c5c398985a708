#pragma once

#include <array>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "turn/core/actions.hpp"
#include "turn/core/credential_entries.hpp"
#include "turn/stun/channel_data.hpp"

namespace turnpike::core {

/// The part of a record that all allocations of one credential have alike.
struct CredentialRecord {
    std::string username, subject, realm;
    Bytes key_md5, key_sha256;              // long-term keys; twice the session key of an access token
    std::uint32_t bandwidth_kbit_s = 0;     // 0: no limit
    bool third_party = false;               // made with an access token, RFC 7635
    bool relay_peers_only = false;

    CredentialRecord() = default;
    explicit CredentialRecord(const CredentialView& from);
    CredentialView view() const noexcept {
        return {username, subject, realm, key_md5, key_sha256, bandwidth_kbit_s, third_party, relay_peers_only};
    }
};

/// All there is to know of an allocation, as plain data: what restart, upgrade, take-over and moves
/// between workers read (DESIGN 4.2). Durations are what is left at the moment of writing.
///
/// It is encoded in two parts, so that a journal keeps a credential once; encode() is both, for
/// wherever a record travels by itself.
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
    CredentialRecord credential;
    std::optional<Milliseconds> authorized_left;  // until an access token ends
    std::uint32_t bandwidth_left = 0, packets_left = 0, new_peers_left = 0;  // of the rate limits' bursts
    RelayProtocol protocol = RelayProtocol::Udp;
    std::array<std::uint8_t, 12> allocate_transaction{};  // a retransmitted Allocate still finds its answer
    Bytes ticket;                         // MOBILITY-TICKET; empty: none
    std::string nonce;                    // the last accepted; empty: not kept
    Endpoint nonce_client;                // the client's address that it is bound to
    std::uint64_t reservation_token = 0;  // that the answer to it says; 0: none
    Traffic traffic;
    std::vector<Permission> permissions;  // ascending by address
    std::vector<Channel> channels;        // ascending by number

    static constexpr std::uint16_t kVersion = 3;

    enum class DecodeError : std::uint8_t { Truncated, BadMagic, UnknownVersion, BadChecksum, BadValue };

    /// Shape  magic(4) version(2) reserved(2) length(4) body(length) sha-256 cut to 8 bytes; the body is the
    ///        credential's length(2), the credential and the allocation
    Bytes encode() const;
    static std::expected<AllocationRecord, DecodeError> decode(ByteView bytes);

    /// Without the credential, into `space`, whose capacity is used again: the bytes written. Changed durations
    /// change few bytes: an idle allocation of IPv4 addresses has about 100.
    ByteView encode_allocation(Bytes& space) const;
    /// Reads that back; `credential` of the record is left empty.
    static std::expected<AllocationRecord, DecodeError> decode_allocation(ByteView bytes);
};

/// A credential's part of a record, as encode_allocation() has the other.
ByteView encode_credential(const CredentialView& credential, Bytes& space);
std::expected<CredentialRecord, AllocationRecord::DecodeError> decode_credential(ByteView bytes);

}  // namespace turnpike::core
