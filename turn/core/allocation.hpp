#pragma once

#include <boost/container/static_vector.hpp>
#include <memory>
#include <string>

#include "common/base/deadline_wheel.hpp"
#include "common/base/token_bucket.hpp"
#include "turn/core/actions.hpp"
#include "turn/core/allocation_record.hpp"
#include "turn/core/channels.hpp"
#include "turn/core/config.hpp"
#include "turn/core/credential_entries.hpp"
#include "turn/core/permissions.hpp"
#include "turn/core/reservations.hpp"
#include "turn/core/server.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::core {

struct Allocation;

/// What a deadline of the wheel is about. Armed ones are cancelled before their allocation goes.
struct Timer {
    enum class Kind : std::uint8_t {
        Life,         // the allocation, one of its permissions or channels may have expired
        Opening,      // OpenRelay was not answered
        Reservation,  // of `token`; it has no allocation
        Connection,   // nobody came for `connection`
    };
    static Timer life(Allocation& of) noexcept { return {.allocation = &of, .kind = Kind::Life}; }
    static Timer opening(Allocation& of) noexcept { return {.allocation = &of, .kind = Kind::Opening}; }
    static Timer reservation(Reservations::Token of) noexcept { return {.token = of, .kind = Kind::Reservation}; }
    static Timer waiting(ConnectionId of) noexcept { return {.connection = of.value, .kind = Kind::Connection}; }

    union {
        Allocation* allocation = nullptr;
        Reservations::Token token;
        std::uint32_t connection;
    };
    Kind kind = Kind::Life;
};
using Wheel = DeadlineWheel<Timer>;

/// One relayed transport address, as its socket is bound.
struct Relayed {
    RelayId relay;
    Endpoint local;
};

// 96 random bits, which say nothing and cannot be made up, as text: some clients end a ticket at a zero byte.
inline constexpr std::size_t kTicketSize = 16;

/// RFC 8656 §3 lists what an allocation is: relayed transport addresses, 5-tuple, credential,
/// time-to-expiry, permissions and channel bindings.
///
/// A node has a hundred thousand of them, most of them idle: what few have is behind a pointer, and what
/// those of one credential have in common is there once.
struct Allocation {
    Allocation(const Path& way, CredentialRef made_with) : path(way), credential(std::move(made_with)) {}
    // In a Slab: a packet's way leads here.
    static void* operator new(std::size_t size);
    static void operator delete(void* allocation) noexcept;

    struct RefusedFamily {
        Family family{};
        stun::ErrorCode code{};
    };
    /// What most allocations have nothing of.
    struct Uncommon {
        std::optional<Instant> authorized_until;      // of an access token: no refresh goes further
        std::optional<RefusedFamily> refused_family;  // the half of a dual allocation that was not to be had
        std::optional<Reservations::Token> reservation;  // given out with it: a retransmission is told again
        std::vector<ConnectionId> connections;        // with peers; protocol Tcp
        TokenBucket icmp{10, 20};                     // that its client is told
        Bytes ticket;                                 // MOBILITY-TICKET; empty: it has none
        std::optional<Path> next_path;   // where a ticket says that the client went; its data there makes it so
        std::string nonce;               // the last accepted, for relay.nat_rebinding
        FiveTuple nonce_tuple;           // that it is bound to
    };
    /// What an allocation with a limit may move, both directions together.
    struct Rates {
        TokenBucket bandwidth, packets;
    };

    Path path;
    Instant expires_at{}, opened_at{};
    CredentialRef credential;
    std::unique_ptr<Rates> rates;  // nothing: no limit
    boost::container::static_vector<Relayed, 2> relayed;  // at most one per family
    RelayProtocol protocol = RelayProtocol::Udp;
    Traffic traffic;
    Channels channels;
    Permissions permissions;

    AllocationId id;
    stun::TransactionId transaction{};  // of the Allocate that made it
    BucketLevel new_peers;              // that it may be permitted besides those it has
    Wheel::Handle wake;                 // at or before the first of its ends
    Instant wake_at{};                  // when it is armed for
    RecordKeeper::Place kept = 0;       // its record
    bool changed = false;               // since that was written

    const FiveTuple& tuple() const noexcept { return path.tuple; }
    const Path* next_path() const noexcept {
        return uncommon_ && uncommon_->next_path ? &*uncommon_->next_path : nullptr;
    }
    bool is_next(const FiveTuple& tuple) const noexcept {
        const Path* const next = next_path();
        return next != nullptr && next->tuple == tuple;
    }
    const Uncommon& uncommon() const noexcept { return uncommon_ ? *uncommon_ : kNothingUncommon; }
    /// To write to.
    Uncommon& more() {
        if (!uncommon_) uncommon_ = std::make_unique<Uncommon>();
        return *uncommon_;
    }
    std::string_view realm() const noexcept { return credential->realm(); }
    const Relayed* relayed_of(Family family) const noexcept {
        for (const Relayed& one : relayed) {
            if (one.local.address.family() == family) return &one;
        }
        return nullptr;
    }
    /// Bandwidth, packets and new peers per second, as the credential and the configuration have them.
    void limit_rates(const Config& config);

    AllocationRecord to_record(const Config& config, Instant now) const;
    /// The same without the credential, into a record that was used before.
    void fill(AllocationRecord& record, const Config& config, Instant now) const;
    AllocationSummary summary(const RelayDirectory& relays, Instant now) const;

private:
    static const Uncommon kNothingUncommon;
    std::unique_ptr<Uncommon> uncommon_;
};

/// Time-to-expiry for a LIFETIME (or none), RFC 8656 §7.2 and §8.2: never under the default, never
/// over the maximum, never past the session's end. Refresh's zero is not its business.
Nanoseconds granted_lifetime(const Config& config, std::optional<std::uint32_t> asked, Nanoseconds age) noexcept;

/// The same where an access token ends earlier.
Nanoseconds within_authorization(Nanoseconds lifetime, std::optional<Instant> authorized_until, Instant now) noexcept;

/// LIFETIME as it goes on the wire: whole seconds, rounded up, so that an answer repeated at once says the same.
std::uint32_t lifetime_seconds(Nanoseconds left) noexcept;

}  // namespace turnpike::core
