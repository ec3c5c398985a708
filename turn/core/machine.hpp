#pragma once

#include <boost/container/static_vector.hpp>
#include <span>
#include <unordered_map>

#include "turn/core/allocation_table.hpp"
#include "turn/core/attributes_known.hpp"
#include "turn/core/authenticator.hpp"
#include "turn/core/behaviour_discovery.hpp"
#include "turn/core/connections.hpp"
#include "turn/core/pending.hpp"
#include "turn/core/rate_limits.hpp"
#include "turn/core/relay_slots.hpp"
#include "turn/core/retransmissions.hpp"
#include "turn/core/server.hpp"

namespace turnpike::core {

/// One request in its turn: what came, when, and who sent it once that is proven.
struct Request {
    const Path& path;
    const stun::MessageView& message;
    Instant now;
    WallTime wall;
    Outbox& out;
    Envelope envelope;
    Allocation* allocation = nullptr;   // of the 5-tuple, if it has one
    std::optional<Identity> identity{}; // after authenticate()
    Allocation* moving = nullptr;       // of the ticket, when the 5-tuple has none
    Allocation* rebinding = nullptr;    // of the nonce, likewise
    bool others = false;                // the ticket is of an allocation whose owner did not sign this
};

/// What is behind Server: its state, and the steps that more than one method takes. The methods
/// themselves are one file each: binding.cpp, behaviour_discovery.cpp, allocate.cpp, refresh.cpp,
/// create_permission.cpp, channel_bind.cpp, send_indication.cpp, icmp.cpp, connect.cpp, connection_bind.cpp,
/// connection_attempt.cpp; ChannelData is data_plane.cpp; clients that change their address are
/// changing_path.cpp; records are moving.cpp.
class Machine {
public:
    Machine(Config config, std::shared_ptr<const CredentialSource> credentials,
            std::shared_ptr<const PeerPolicy> policy, Server::Shared shared, Random& random);

    // The rest of this half mirrors Server.
    void on_message(const Path& path, const stun::MessageView& message, Instant now, WallTime wall, Outbox& out,
                    bool may_fetch);
    void client_arrived(const FiveTuple& tuple, Outbox& out);
    bool client_moving(const FiveTuple& tuple) const noexcept;
    bool signed_by_owner(const FiveTuple& tuple, const stun::MessageView& message) const noexcept;
    void relay_opened(RelayId relay, std::expected<Endpoint, OpenError> bound, Instant now, Outbox& out);
    void on_icmp(RelayId relay, const Endpoint& peer, const stun::IcmpValue& icmp, Instant now, Outbox& out);
    void client_gone(const FiveTuple& tuple, Instant now, Outbox& out);
    void connection_opened(ConnectionId id, std::expected<void, ConnectError> opened, Instant now, Outbox& out);
    std::optional<ConnectionId> peer_connected(RelayId relay, const Endpoint& source, Instant now, Outbox& out);
    void connection_closed(ConnectionId id);
    std::size_t relayable(ConnectionId id, std::size_t at_most, Instant now) noexcept;
    void relayed(ConnectionId id, Direction direction, std::size_t size, Instant now) noexcept;
    void advance(Instant now, Outbox& out);
    std::optional<Instant> next_deadline(Instant now) const noexcept { return wheel_.next_deadline(now); }

    std::optional<ToPeer> to_peer(const FiveTuple& tuple, const stun::ChannelDataView& data, Instant now) noexcept;
    std::optional<ToClient> to_client(RelayId relay, const Endpoint& peer, std::size_t size, Instant now) noexcept;
    bool knows(const FiveTuple& tuple) const noexcept;
    void reroute(const Path& path) noexcept;

    void set_credentials(std::shared_ptr<const CredentialSource> credentials);
    void set_policy(std::shared_ptr<const PeerPolicy> policy, Outbox& out);
    template <typename Which>
    std::size_t kill_if(Which&& which, CloseReason reason, Instant now, Outbox& out);

    std::size_t allocations() const noexcept { return table_.size(); }
    std::vector<AllocationSummary> list(Instant now) const;
    std::optional<std::uint32_t> list(const AllocationFilter& filter, std::uint32_t from, std::uint32_t at_most, Instant now,
                                      std::vector<AllocationSummary>& out) const;
    const Counters& counters() const noexcept { return counters_; }

    std::optional<AllocationRecord> record(const FiveTuple& tuple, Instant now) const;
    std::optional<Server::Released> release(const FiveTuple& tuple, Instant now);
    std::optional<std::vector<RelayId>> adopt(const AllocationRecord& record, const Path& path, Instant now);
    bool restore(const AllocationRecord& record, const Path& path, Instant now, Outbox& out);

    void set_keeper(RecordKeeper* keeper) noexcept { keeper_ = keeper; }
    bool has_changes() const noexcept { return !changed_.empty() || !credentials_.gone().empty(); }
    void keep_records(Instant now);
    void arrived_elsewhere(AllocationId id);

private:
    using Families = boost::container::static_vector<PendingAllocation::Wanted, 2>;

    // Methods, in the RFC's order.
    void on_binding(Request& request);
    void on_discovery(Request& request);
    void on_allocate(Request& request);
    void on_refresh(Request& request);
    void on_create_permission(Request& request);
    void on_channel_bind(Request& request);
    void on_connect(Request& request);
    void on_connection_bind(Request& request);
    void on_send(const Path& path, const stun::MessageView& message, Instant now, Outbox& out);

    // Steps before a method: who is it, and may it have an answer at all.
    bool authenticate(Request& request);
    void accept(Request& request, Identity identity);
    bool refuse_unknown_attributes(Request& request);
    bool refuse_attributes(Request& request, const UnknownTypes& unknown);
    bool owns_allocation(Request& request);  // 437, 441
    bool may_answer(const Request& request, RateLimits& limits);
    std::string_view realm_of(const Path& path, const Allocation* allocation) const noexcept;

    // Answers.
    void refuse(Request& request, stun::ErrorCode code);
    void refuse(const Envelope& to, stun::ErrorCode code, Outbox& out);
    /// With REALM and NONCE, unsigned. An allocation that is given remembers that nonce as its own.
    void challenge(Request& request, stun::ErrorCode code, Allocation* of = nullptr);
    /// What a stranger over UDP gets in place of a challenge that would do nothing but be large.
    std::optional<stun::ErrorCode> short_refusal(const Request& request) const;
    void count_success(stun::Method method) noexcept;
    void count_error(const Envelope& to, stun::ErrorCode code, Outbox& out);

    // Allocate's pieces.
    std::expected<Families, stun::ErrorCode> families_of(const Request& request) const;
    void redirect(Request& request, const Redirection::Alternate& to);  // 300
    static bool fits_tcp(const Request& request);
    void answer_allocate(const Envelope& to, const Allocation& allocation, Instant now, Outbox& out);
    void open_relays(PendingAllocation& waiting, std::span<const Endpoint> exact, Instant now, Outbox& out);
    void reserve_next(Allocation& allocation, const Endpoint& even, Instant now);
    void end_reservation(Reservations::Token token, Outbox& out);
    void settle(const FiveTuple& tuple, Instant now, Outbox& out);
    void abandon(std::unique_ptr<PendingAllocation> waiting, CloseReason reason, Instant now, Outbox& out);

    // Peers.
    Endpoint external(const Endpoint& peer) const noexcept { return shared_.relays.to_external(peer); }
    bool admits(Allocation& allocation, std::span<const PolicyToken> peers, Instant now);
    bool within_rates(Allocation& allocation, std::size_t size, Instant now) noexcept;
    void count_to_peer(Allocation& allocation, std::size_t size) noexcept;
    void install_permission(Allocation& allocation, const PolicyToken& peer, Instant now);

    // A client's new transport address (changing_path.cpp).
    bool find_moved(Request& request, bool may_fetch);
    bool rebind(Request& request);
    void remember_nonce(Allocation& allocation, std::string_view nonce, const FiveTuple& bound_to);
    void give_ticket(Allocation& allocation);
    void expect_client_at(Allocation& allocation, const Path& path);
    void forget_next_path(Allocation& allocation);
    void move_client(Allocation& allocation, const Path& path, Outbox& out);
    void register_names(const Allocation& allocation);
    void forget_names(const Allocation& allocation);

    // Connections with peers.
    bool passes_on(const Path& path, const stun::MessageView& message, Outbox& out) const;
    Connection* connection_of(const stun::MessageView& message) const noexcept;
    ConnectionId new_connection_id();
    void arm(Connection& connection, Instant deadline);
    void forget(Connection& connection);
    void close(Connection& connection, Outbox& out);
    template <typename Which>
    void close_connections(const Allocation& allocation, Which&& which, Outbox& out);

    // An allocation's life.
    void arm(Allocation& allocation, Instant deadline);
    void sweep(Allocation& allocation, Instant now);
    void report_opened(const Allocation& allocation, const Endpoint& relayed, Outbox& out);
    void report_closed(const Allocation& allocation, const Endpoint& relayed, CloseReason reason, Instant now,
                       Outbox& out);
    void close_relay(const Relayed& relayed, Outbox& out);
    void close_client(const Allocation& allocation, CloseReason reason, Outbox& out);
    void expire(Allocation& allocation, Instant now, Outbox& out);
    void close(Allocation& allocation, CloseReason reason, Instant now, Outbox& out);
    void end_family(Allocation& allocation, Family family, Outbox& out);
    void disarm(Allocation& allocation) noexcept;
    // Its record (keeping.cpp).
    void changed(Allocation& allocation);
    void forget_record(Allocation& allocation);
    void leave_record(Allocation& allocation);
    std::unique_ptr<Allocation> rebuild(const AllocationRecord& record, const Path& path, Instant now);

    Config config_;
    Server::Shared shared_;
    std::shared_ptr<const PeerPolicy> policy_;  // shared: an immutable snapshot of all workers
    Random& random_;
    HashKey hash_key_;
    DiscoverySockets discovery_;
    Nonces nonces_;
    Authenticator authenticator_;
    RateLimits &unauthenticated_limits_, &binding_limits_;  // the node's
    CredentialEntries credentials_;  // outlive the allocations
    AllocationTable table_;
    Pending pending_;
    RelaySlots slots_;
    Connections connections_;
    Retransmissions retransmissions_;
    Wheel wheel_;
    Counters counters_;

    struct LeftBehind {
        RecordKeeper::Place kept = 0;
        CredentialRef credential;  // that it names
    };
    RecordKeeper* keeper_ = nullptr;
    std::vector<Allocation*> changed_;  // each once
    std::unordered_multimap<std::uint64_t, LeftBehind> left_behind_;  // records of allocations on their way, by id
    AllocationRecord record_;           // the two are used again for each
    Bytes encoded_;
};

template <typename Which>
void Machine::close_connections(const Allocation& allocation, Which&& which, Outbox& out) {
    const std::vector<ConnectionId> all = allocation.uncommon().connections;  // closing takes them out
    for (const ConnectionId id : all) {
        Connection& connection = *connections_.find(id);
        if (which(connection)) close(connection, out);
    }
}

template <typename Which>
std::size_t Machine::kill_if(Which&& which, CloseReason reason, Instant now, Outbox& out) {
    std::vector<FiveTuple> live, waiting;
    table_.for_each([&](const Allocation& allocation) {
        if (which(allocation)) live.push_back(allocation.tuple());
    });
    pending_.for_each([&](const PendingAllocation& one) {
        if (which(*one.allocation)) waiting.push_back(one.allocation->tuple());
    });
    for (const FiveTuple& tuple : live) close(*table_.find(tuple), reason, now, out);
    for (const FiveTuple& tuple : waiting) abandon(pending_.take(tuple), reason, now, out);
    return live.size() + waiting.size();
}

}  // namespace turnpike::core
