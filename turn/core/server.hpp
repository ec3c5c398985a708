#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/random.hpp"
#include "turn/core/actions.hpp"
#include "turn/core/allocation_record.hpp"
#include "turn/core/config.hpp"
#include "turn/core/credentials.hpp"
#include "turn/core/node_state.hpp"
#include "turn/core/owners.hpp"
#include "turn/core/peer_policy.hpp"
#include "turn/core/rate_limits.hpp"
#include "turn/core/record_keeper.hpp"
#include "turn/core/reservations.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::core {

/// Where the payload of a ChannelData message goes. `peer` is what the datagram is sent to (local form).
struct ToPeer {
    RelayId relay;
    Endpoint peer;
    std::optional<RelayHome> home;  // where `peer` is, if it is a relayed address of this node
    bool arrived = false;  // the first data on a new 5-tuple (RFC 8016): call client_arrived
};

/// How a peer's datagram goes to the client: as ChannelData when there is a channel, else as a Data
/// indication with `peer` in XOR-PEER-ADDRESS.
struct ToClient {
    const Path* path = nullptr;     // the allocation's; valid until the next non-const call
    stun::ChannelNumber channel;    // 0: Data indication
    Endpoint peer;                  // external form
};

enum class OpenError : std::uint8_t { NoPorts, NoDescriptors, AddressGone, Refused };

enum class ConnectError : std::uint8_t { Failed, NoDescriptors };

/// One allocation, for listings.
struct AllocationSummary {
    AllocationId id;
    FiveTuple tuple;
    std::vector<Endpoint> relayed;  // external form
    std::string username, subject, realm;
    RelayProtocol protocol = RelayProtocol::Udp;
    std::size_t connections = 0;    // with peers; protocol Tcp
    Seconds age{}, left{};
    Traffic traffic;
    std::vector<AllocationRecord::Permission> permissions;
    std::vector<AllocationRecord::Channel> channels;
};

/// Which allocations a listing is about; nothing: all of them.
struct AllocationFilter {
    std::optional<AllocationId> id;
    std::optional<std::string> subject;
};

/// Plain counters of one Server, read by its own thread and summed at scrape.
struct Counters {
    static constexpr std::size_t kMethods = 16, kCodes = 512;
    std::uint64_t requests[kMethods] = {};           // by method number
    std::uint64_t successes[kMethods] = {};
    std::uint64_t errors[kCodes] = {};               // by code − 300
    std::uint64_t allocations_opened = 0;
    std::uint64_t allocations_closed[8] = {};        // by CloseReason
    Traffic traffic;                                 // of all allocations, live and gone
    std::uint64_t dropped_malformed = 0, dropped_no_allocation = 0, dropped_no_permission = 0,
                  dropped_no_channel = 0, dropped_policy = 0, dropped_bandwidth = 0, dropped_rate = 0,
                  dropped_not_live = 0;
    std::uint64_t dropped_packet_rate = 0;           // over Config::packets_per_second
    std::uint64_t dropped_new_peers = 0;             // peers refused: over Config::new_peers_per_second
    std::uint64_t dropped_icmp = 0;                  // of no type that clients are told, or too many
    std::uint64_t icmp_indications = 0;
    std::uint64_t clients_moved = 0;                 // to another 5-tuple: by ticket, or behind their NAT
};

/// The TURN server of one worker, as a state machine: bytes and time go in, decisions come out.
///
/// Threading  the owning worker; `Shared` is the node's.
/// Source     RFC 8489, RFC 8656; DESIGN 3 and 4
class Server {
public:
    struct Shared {
        const RelayDirectory& relays;
        AllocationQuota& quota;
        Revocations& revocations;
        std::atomic<std::uint64_t>& next_allocation_id;
        Reservations& reservations;
        StrangerLimits& strangers;
        Owners &tickets, &nonces;
        unsigned worker = 0;  // which one this is; Owners say it
    };

    Server(Config config, std::shared_ptr<const CredentialSource> credentials,
           std::shared_ptr<const PeerPolicy> policy, Shared shared, Random& random);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // ---- control plane: appends actions ----

    /// A STUN message from a client: request, indication, or something to drop. `message` may be
    /// borrowed by a SendToPeer action until the outbox is cleared.
    /// `may_fetch`: it may ask for the allocation with FetchAllocation; false once that was tried in vain.
    void on_message(const Path& path, const stun::MessageView& message, Instant now, WallTime wall, Outbox& out,
                    bool may_fetch = true);

    /// ToPeer::arrived: from now on peers' data goes to this 5-tuple.
    void client_arrived(const FiveTuple& tuple, Outbox& out);

    /// The driver's answer to OpenRelay, in the same turn or later. `bound` is the local form.
    void relay_opened(RelayId relay, std::expected<Endpoint, OpenError> bound, Instant now, WallTime wall, Outbox& out);

    /// An ICMP message about a datagram that was sent from `relay` to `peer` (local form where it is one
    /// of our own). The client of a permitted peer hears of it, a few times per second.
    void on_icmp(RelayId relay, const Endpoint& peer, const stun::IcmpValue& icmp, Instant now, Outbox& out);

    /// The driver's answer to OpenConnection, in the same turn or later.
    void connection_opened(ConnectionId id, std::expected<void, ConnectError> opened, Instant now, Outbox& out);

    /// A peer connected to a relayed address for TCP; `peer` is in its local form where it is one of our own
    /// relayed addresses. The connection's id; without one it is not wanted.
    std::optional<ConnectionId> peer_connected(RelayId relay, const Endpoint& peer, Instant now, Outbox& out);

    /// A connection with a peer ended by itself; the driver has closed the data connection too.
    void connection_closed(ConnectionId id);

    /// A stream client's connection ended: its allocation ends with it (RFC 8656 §7.2 and §3).
    void client_gone(const FiveTuple& tuple, Instant now, Outbox& out);

    /// Ends what is due. Call at next_deadline().
    void advance(Instant now, WallTime wall, Outbox& out);
    std::optional<Instant> next_deadline(Instant now) const noexcept;

    // ---- data plane: noexcept, no heap, at most two hash look-ups ----

    std::optional<ToPeer> to_peer(const FiveTuple& tuple, const stun::ChannelDataView& data, Instant now) noexcept;
    /// `peer` is the datagram's source (local form where it is one of our own relayed addresses).
    std::optional<ToClient> to_client(RelayId relay, const Endpoint& peer, std::size_t size, Instant now) noexcept;

    /// How many of `at_most` bytes a connection with a peer may relay now, either way. After that many or
    /// fewer were read from one side, relayed() counts them. One look-up each.
    std::size_t relayable(ConnectionId id, std::size_t at_most, Instant now) noexcept;
    void relayed(ConnectionId id, Direction direction, std::size_t size, Instant now) noexcept;

    /// Whether this worker has (or is about to have) an allocation on the 5-tuple.
    bool knows(const FiveTuple& tuple) const noexcept;
    /// The client's datagrams come by another proxy now: what is for it goes there.
    void reroute(const Path& path) noexcept;

    // ---- operation ----

    void set_credentials(std::shared_ptr<const CredentialSource> credentials);
    /// Permissions, channels and connections with peers that it does not allow any more end now.
    void set_policy(std::shared_ptr<const PeerPolicy> policy, Outbox& out);

    /// Ends allocations by id, or by realm and subject; the number of them.
    std::size_t kill(AllocationId id, CloseReason reason, Instant now, Outbox& out);
    std::size_t kill_subject(std::string_view realm, std::string_view subject, CloseReason reason, Instant now, Outbox& out);
    std::size_t kill_all(CloseReason reason, Instant now, Outbox& out);

    std::size_t allocations() const noexcept;
    std::vector<AllocationSummary> list(Instant now) const;
    /// A part of the list, so that nobody waits for all of it: adds to `out` what matches among the next
    /// `at_most` places from `from` on. Where to go on; nothing at the end. What comes or goes in between may
    /// be in it or not.
    std::optional<std::uint32_t> list(const AllocationFilter& filter, std::uint32_t from, std::uint32_t at_most, Instant now,
                                      std::vector<AllocationSummary>& out) const;
    const Counters& counters() const noexcept;

    // ---- moving an allocation ----

    std::optional<AllocationRecord> record(const FiveTuple& tuple, Instant now) const;
    /// Takes the allocation out without ending it: quota and port stay reserved. The driver moves the
    /// relay sockets, one for each of `relays`. One that has connections with peers stays.
    /// Not while client_moving(), unless it is fetched: then it is known by its main 5-tuple only.
    struct Released {
        AllocationRecord record;
        std::vector<RelayId> relays;
    };
    /// Whether a ticket announced another 5-tuple, from which no data came yet.
    bool client_moving(const FiveTuple& tuple) const noexcept;
    /// Whether the message is signed with the key of the 5-tuple's allocation: what makes it worth fetching.
    bool signed_by_owner(const FiveTuple& tuple, const stun::MessageView& message) const noexcept;
    std::optional<Released> release(const FiveTuple& tuple, Instant now);
    /// Takes in what another worker released: the ids for the moved sockets, in the record's order.
    /// Nothing when the 5-tuple is taken or the record's permissions are no longer allowed (dropped ones
    /// are only left out).
    std::optional<std::vector<RelayId>> adopt(const AllocationRecord& record, const Path& path, Instant now);
    /// Rebuilds an allocation after a restart: emits AllocationOpened and OpenRelay with the exact address;
    /// where that cannot be bound, AllocationClosed with NotRestored follows.
    bool restore(const AllocationRecord& record, const Path& path, Instant now, Outbox& out);

    // ---- records that outlast the process ----

    /// From now on; before the first allocation. It outlives the server.
    void set_keeper(RecordKeeper* keeper) noexcept;
    /// Whether keep_records() has something to do.
    bool has_changes() const noexcept;
    /// Writes the records that changed. Call before anything leaves that was answered since the last time.
    void keep_records(Instant now);
    /// Another worker keeps the record of what was released here, or it ended on its way.
    void arrived_elsewhere(AllocationId id);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::core
