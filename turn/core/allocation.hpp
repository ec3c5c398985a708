#pragma once

#include <boost/container/static_vector.hpp>
#include <string>

#include "common/base/deadline_wheel.hpp"
#include "common/base/secret.hpp"
#include "common/base/token_bucket.hpp"
#include "turn/core/actions.hpp"
#include "turn/core/allocation_record.hpp"
#include "turn/core/channels.hpp"
#include "turn/core/config.hpp"
#include "turn/core/long_term_keys.hpp"
#include "turn/core/permissions.hpp"
#include "turn/core/reservations.hpp"
#include "turn/core/server.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::core {

struct Allocation;

/// What a deadline of the wheel is about. Armed ones are cancelled before their allocation goes.
struct Timer {
    enum class Kind : std::uint8_t {
        Expiry,   // the allocation's time-to-expiry
        Sweep,    // a permission or channel may have expired
        Opening,  // OpenRelay was not answered
        Reservation,  // of `token`; it has no allocation
        Connection,   // nobody came for a connection
    };
    Allocation* allocation = nullptr;
    Kind kind = Kind::Expiry;
    Reservations::Token token = 0;
    ConnectionId connection{};
};
using Wheel = DeadlineWheel<Timer>;

/// One relayed transport address: what its socket is bound to, and what the world is told.
struct Relayed {
    RelayId relay;
    Endpoint local, external;
};

// 96 random bits, which say nothing and cannot be made up, as text: some clients end a ticket at a zero byte.
inline constexpr std::size_t kTicketSize = 16;

/// RFC 8656 §3 lists what an allocation is: relayed transport addresses, 5-tuple, credential,
/// time-to-expiry, permissions and channel bindings.
struct Allocation {
    Allocation(const Path& way, HashKey hash) : path(way), permissions(hash), channels(hash) {}

    AllocationId id;
    Path path;
    stun::TransactionId transaction{};  // of the Allocate that made it
    std::string username, subject, realm;
    LongTermKeys keys;
    bool third_party = false;           // made with an access token (RFC 7635)
    std::optional<Instant> authorized_until;  // of that token: no refresh goes further
    std::uint32_t bandwidth_kbit_s = 0; // 0: no limit
    bool relay_peers_only = false;
    RelayProtocol protocol = RelayProtocol::Udp;

    boost::container::static_vector<Relayed, 2> relayed;  // at most one per family
    struct RefusedFamily {
        Family family{};
        stun::ErrorCode code{};
    };
    std::optional<RefusedFamily> refused_family;  // the half of a dual allocation that was not to be had
    std::optional<Reservations::Token> reservation;  // given out with it: a retransmission is told again
    Instant opened_at{}, expires_at{};
    Traffic traffic;
    TokenBucket bandwidth, packets;   // both directions together
    TokenBucket new_peers;            // that it may be permitted besides those it has
    TokenBucket icmp{10, 20};         // that its client is told
    Permissions permissions;
    Channels channels;
    std::vector<ConnectionId> connections;  // with peers; protocol Tcp

    Wheel::Handle expiry, sweep;
    Instant sweep_at{};  // when `sweep` is armed for

    Bytes ticket;                     // MOBILITY-TICKET; empty: it has none
    std::optional<Path> next_path;    // where a ticket says that the client went; its data there makes it so
    std::string nonce;                // the last accepted, for relay.nat_rebinding
    FiveTuple nonce_tuple;            // that it is bound to

    const FiveTuple& tuple() const noexcept { return path.tuple; }
    bool is_next(const FiveTuple& tuple) const noexcept { return next_path && next_path->tuple == tuple; }
    const Relayed* relayed_of(Family family) const noexcept {
        for (const Relayed& one : relayed) {
            if (one.local.address.family() == family) return &one;
        }
        return nullptr;
    }
    void limit_bandwidth(std::uint32_t kbit_s) noexcept;
    /// Packets and new peers per second, as configured.
    void limit_rates(const Config& config) noexcept;

    AllocationRecord to_record(Instant now) const;
    AllocationSummary summary(Instant now) const;
};

/// Time-to-expiry for a LIFETIME (or none), RFC 8656 §7.2 and §8.2: never under the default, never
/// over the maximum, never past the session's end. Refresh's zero is not its business.
Nanoseconds granted_lifetime(const Config& config, std::optional<std::uint32_t> asked, Nanoseconds age) noexcept;

/// The same where an access token ends earlier.
Nanoseconds within_authorization(Nanoseconds lifetime, std::optional<Instant> authorized_until, Instant now) noexcept;

/// LIFETIME as it goes on the wire: whole seconds, rounded up, so that an answer repeated at once says the same.
std::uint32_t lifetime_seconds(Nanoseconds left) noexcept;

}  // namespace turnpike::core
