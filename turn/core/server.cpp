#include "turn/core/server.hpp"

#include "turn/core/machine.hpp"

namespace turnpike::core {

struct Server::State : Machine {
    using Machine::Machine;
};

Server::Server(Config config, std::shared_ptr<const CredentialSource> credentials,
               std::shared_ptr<const PeerPolicy> policy, Shared shared, Random& random)
    : state_(std::make_unique<State>(std::move(config), std::move(credentials), std::move(policy), shared, random)) {}
Server::~Server() = default;

void Server::on_message(const Path& path, const stun::MessageView& message, Instant now, WallTime wall, Outbox& out,
                        bool may_fetch) {
    state_->on_message(path, message, now, wall, out, may_fetch);
}
void Server::client_arrived(const FiveTuple& tuple, Outbox& out) { state_->client_arrived(tuple, out); }
bool Server::client_moving(const FiveTuple& tuple) const noexcept { return state_->client_moving(tuple); }
bool Server::signed_by_owner(const FiveTuple& tuple, const stun::MessageView& message) const noexcept {
    return state_->signed_by_owner(tuple, message);
}
void Server::relay_opened(RelayId relay, std::expected<Endpoint, OpenError> bound, Instant now, WallTime /*wall*/,
                          Outbox& out) {
    state_->relay_opened(relay, bound, now, out);
}
void Server::on_icmp(RelayId relay, const Endpoint& peer, const stun::IcmpValue& icmp, Instant now, Outbox& out) {
    state_->on_icmp(relay, peer, icmp, now, out);
}
void Server::connection_opened(ConnectionId id, std::expected<void, ConnectError> opened, Instant now, Outbox& out) {
    state_->connection_opened(id, opened, now, out);
}
std::optional<ConnectionId> Server::peer_connected(RelayId relay, const Endpoint& peer, Instant now, Outbox& out) {
    return state_->peer_connected(relay, peer, now, out);
}
void Server::connection_closed(ConnectionId id) { state_->connection_closed(id); }
void Server::client_gone(const FiveTuple& tuple, Instant now, Outbox& out) { state_->client_gone(tuple, now, out); }
void Server::advance(Instant now, WallTime /*wall*/, Outbox& out) { state_->advance(now, out); }
std::optional<Instant> Server::next_deadline(Instant now) const noexcept { return state_->next_deadline(now); }

std::optional<ToPeer> Server::to_peer(const FiveTuple& tuple, const stun::ChannelDataView& data,
                                      Instant now) noexcept {
    return state_->to_peer(tuple, data, now);
}
std::optional<ToClient> Server::to_client(RelayId relay, const Endpoint& peer, std::size_t size,
                                          Instant now) noexcept {
    return state_->to_client(relay, peer, size, now);
}
std::size_t Server::relayable(ConnectionId id, std::size_t at_most, Instant now) noexcept {
    return state_->relayable(id, at_most, now);
}
void Server::relayed(ConnectionId id, Direction direction, std::size_t size, Instant now) noexcept {
    state_->relayed(id, direction, size, now);
}
bool Server::knows(const FiveTuple& tuple) const noexcept { return state_->knows(tuple); }
void Server::reroute(const Path& path) noexcept { state_->reroute(path); }

void Server::set_credentials(std::shared_ptr<const CredentialSource> credentials) {
    state_->set_credentials(std::move(credentials));
}
void Server::set_policy(std::shared_ptr<const PeerPolicy> policy, Outbox& out) {
    state_->set_policy(std::move(policy), out);
}

std::size_t Server::kill(AllocationId id, CloseReason reason, Instant now, Outbox& out) {
    return state_->kill_if([&](const Allocation& a) { return a.id == id; }, reason, now, out);
}
std::size_t Server::kill_subject(std::string_view realm, std::string_view subject, CloseReason reason, Instant now,
                                 Outbox& out) {
    return state_->kill_if([&](const Allocation& a) { return a.realm() == realm && a.credential->subject() == subject; }, reason, now,
                           out);
}
std::size_t Server::kill_all(CloseReason reason, Instant now, Outbox& out) {
    return state_->kill_if([](const Allocation&) { return true; }, reason, now, out);
}

std::size_t Server::allocations() const noexcept { return state_->allocations(); }
std::vector<AllocationSummary> Server::list(Instant now) const { return state_->list(now); }
std::optional<std::uint32_t> Server::list(const AllocationFilter& filter, std::uint32_t from, std::uint32_t at_most,
                                          Instant now, std::vector<AllocationSummary>& out) const {
    return state_->list(filter, from, at_most, now, out);
}
const Counters& Server::counters() const noexcept { return state_->counters(); }

std::optional<AllocationRecord> Server::record(const FiveTuple& tuple, Instant now) const {
    return state_->record(tuple, now);
}
std::optional<Server::Released> Server::release(const FiveTuple& tuple, Instant now) {
    return state_->release(tuple, now);
}
std::optional<std::vector<RelayId>> Server::adopt(const AllocationRecord& record, const Path& path, Instant now) {
    return state_->adopt(record, path, now);
}
bool Server::restore(const AllocationRecord& record, const Path& path, Instant now, Outbox& out) {
    return state_->restore(record, path, now, out);
}

void Server::set_keeper(RecordKeeper* keeper) noexcept { state_->set_keeper(keeper); }
bool Server::has_changes() const noexcept { return state_->has_changes(); }
void Server::keep_records(Instant now) { state_->keep_records(now); }
void Server::arrived_elsewhere(AllocationId id) { state_->arrived_elsewhere(id); }

}  // namespace turnpike::core
