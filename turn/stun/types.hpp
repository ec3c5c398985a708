#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace turnpike::stun {

/// RFC 8489 §5: the class bits C1 and C0.
enum class Class : std::uint8_t { Request = 0, Indication = 1, Success = 2, Error = 3 };

enum class Method : std::uint16_t {
    Binding = 0x001,            // RFC 8489 §18.2
    Allocate = 0x003,           // RFC 8656 §17
    Refresh = 0x004,
    Send = 0x006,
    Data = 0x007,
    CreatePermission = 0x008,
    ChannelBind = 0x009,
    Connect = 0x00A,            // RFC 6062 §6.1
    ConnectionBind = 0x00B,
    ConnectionAttempt = 0x00C,
};

enum class Attribute : std::uint16_t {
    // Comprehension-required, 0x0000 to 0x7FFF
    MappedAddress = 0x0001,           // RFC 8489 §14.1
    ChangeRequest = 0x0003,           // RFC 5780 §7.2
    Username = 0x0006,                // RFC 8489 §14.3
    MessageIntegrity = 0x0008,        // §14.5
    ErrorCode = 0x0009,               // §14.8
    UnknownAttributes = 0x000A,       // §14.13
    ChannelNumber = 0x000C,           // RFC 8656 §18.1
    Lifetime = 0x000D,                // §18.2
    XorPeerAddress = 0x0012,          // §18.3
    Data = 0x0013,                    // §18.4
    Realm = 0x0014,                   // RFC 8489 §14.9
    Nonce = 0x0015,                   // §14.10
    XorRelayedAddress = 0x0016,       // RFC 8656 §18.5
    RequestedAddressFamily = 0x0017,  // §18.6
    EvenPort = 0x0018,                // §18.7
    RequestedTransport = 0x0019,      // §18.8
    DontFragment = 0x001A,            // §18.9
    AccessToken = 0x001B,             // RFC 7635 §6.2
    MessageIntegritySha256 = 0x001C,  // RFC 8489 §14.6
    PasswordAlgorithm = 0x001D,       // §14.12
    Userhash = 0x001E,                // §14.4
    XorMappedAddress = 0x0020,        // §14.2
    ReservationToken = 0x0022,        // RFC 8656 §18.10
    Priority = 0x0024,                // RFC 8445 §16.1
    UseCandidate = 0x0025,
    Padding = 0x0026,                 // RFC 5780 §7.6
    ResponsePort = 0x0027,            // §7.5
    ConnectionId = 0x002A,            // RFC 6062 §6.2.1
    // Comprehension-optional, 0x8000 to 0xFFFF
    AdditionalAddressFamily = 0x8000, // RFC 8656 §18.11
    AddressErrorCode = 0x8001,        // §18.12
    PasswordAlgorithms = 0x8002,      // RFC 8489 §14.11
    AlternateDomain = 0x8003,         // §14.16
    Icmp = 0x8004,                    // RFC 8656 §18.13
    Software = 0x8022,                // RFC 8489 §14.14
    AlternateServer = 0x8023,         // §14.15
    Fingerprint = 0x8028,             // §14.7
    IceControlled = 0x8029,           // RFC 8445 §16.1
    IceControlling = 0x802A,
    ResponseOrigin = 0x802B,          // RFC 5780 §7.3
    OtherAddress = 0x802C,            // §7.4
    ThirdPartyAuthorization = 0x802E, // RFC 7635 §6.1
    MobilityTicket = 0x8030,          // RFC 8016 §3.1
};

constexpr bool comprehension_required(std::uint16_t type) noexcept { return type < 0x8000; }

enum class ErrorCode : std::uint16_t {
    TryAlternate = 300,                 // RFC 8489 §14.8
    BadRequest = 400,
    Unauthenticated = 401,
    Forbidden = 403,                    // RFC 8656 §19
    MobilityForbidden = 405,            // RFC 8016 §3.2
    UnknownAttribute = 420,             // RFC 8489 §14.8
    AllocationMismatch = 437,           // RFC 8656 §19
    StaleNonce = 438,                   // RFC 8489 §14.8
    AddressFamilyNotSupported = 440,    // RFC 8656 §19
    WrongCredentials = 441,
    UnsupportedTransport = 442,
    PeerAddressFamilyMismatch = 443,
    ConnectionAlreadyExists = 446,      // RFC 6062 §6.3
    ConnectionTimeout = 447,
    AllocationQuotaReached = 486,       // RFC 8656 §19
    ServerError = 500,                  // RFC 8489 §14.8
    InsufficientCapacity = 508,         // RFC 8656 §19
};

/// The short reason phrase that goes on the wire with the code.
std::string_view reason(ErrorCode code) noexcept;

/// PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS (RFC 8489 §18.5.1); both without parameters.
enum class PasswordAlgorithm : std::uint16_t { Md5 = 0x0001, Sha256 = 0x0002 };

constexpr std::uint32_t kMagicCookie = 0x2112A442;   // RFC 8489 §5
constexpr std::size_t kHeaderSize = 20;
constexpr std::size_t kTransactionIdSize = 12;

/// REQUESTED-TRANSPORT and REQUESTED-ADDRESS-FAMILY values.
constexpr std::uint8_t kProtocolUdp = 17, kProtocolTcp = 6;

}  // namespace turnpike::stun
