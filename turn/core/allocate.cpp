// RFC 8656 §7.2, Receiving an Allocate Request. The answer waits in Pending until the driver has bound
// what was wanted.

#include <algorithm>

#include "turn/core/machine.hpp"
#include "turn/stun/attributes.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;

namespace {

constexpr Seconds kOpenDeadline{2};

// The bandwidth of an allocation: what the credential says, never over the configured limit. 0: no limit.
std::uint32_t bandwidth_of(const Config& config, const crypto::Capability& limits) noexcept {
    const std::uint32_t asked = limits.bandwidth_kbit_s.value_or(0);
    if (asked == 0 || config.bandwidth_kbit_s == 0) return std::max(asked, config.bandwidth_kbit_s);
    return std::min(asked, config.bandwidth_kbit_s);
}

}  // namespace

void Machine::on_allocate(Request& request) {
    const FiveTuple& tuple = request.path.tuple;
    const Identity& identity = *request.identity;

    // The same transaction is the same request: same answer. Another one finds the 5-tuple in use,
    // whoever sends it (§7.2).
    if (request.allocation != nullptr) {
        const bool again = request.allocation->transaction == request.envelope.transaction &&
                           request.allocation->credential->username() == identity.username;
        if (!again) return refuse(request, ErrorCode::AllocationMismatch);
        return answer_allocate(request.envelope, *request.allocation, request.now, request.out);
    }
    if (PendingAllocation* waiting = pending_.find(tuple)) {
        const bool again = waiting->answer_to && waiting->answer_to->transaction == request.envelope.transaction &&
                           waiting->allocation->credential->username() == identity.username;
        if (!again) return refuse(request, ErrorCode::AllocationMismatch);
        waiting->answer_to->path = request.path;
        return;
    }

    // A TURN REST credential opens allocations until its expiry, which nobody may put far away.
    if (identity.expires_at && (*identity.expires_at <= request.wall ||
                                *identity.expires_at > request.wall + config_.credential_ttl_max)) {
        return challenge(request, ErrorCode::Unauthenticated);
    }

    if (const auto alternate = config_.redirection.of(tuple, realm_of(request.path, nullptr), identity.subject)) {
        return redirect(request, *alternate);
    }

    const auto transport_value = request.message.find(Attribute::RequestedTransport);
    const auto protocol = transport_value ? stun::decode_requested_transport(*transport_value) : std::nullopt;
    if (!protocol) return refuse(request, ErrorCode::BadRequest);
    const bool tcp = *protocol == stun::kProtocolTcp && config_.relay_tcp;
    if (*protocol != stun::kProtocolUdp && !tcp) return refuse(request, ErrorCode::UnsupportedTransport);
    if (tcp && !fits_tcp(request)) return refuse(request, ErrorCode::BadRequest);
    std::optional<std::uint32_t> lifetime;
    if (const auto value = request.message.find(Attribute::Lifetime)) {
        lifetime = stun::decode_lifetime(*value);
        if (!lifetime) return refuse(request, ErrorCode::BadRequest);
        if (*lifetime == 0) lifetime.reset();
    }
    auto families = families_of(request);
    if (!families) return refuse(request, families.error());
    const auto ticket = request.message.find(Attribute::MobilityTicket);
    if (ticket && !config_.mobility) return refuse(request, ErrorCode::MobilityForbidden);
    if (ticket && !ticket->empty()) return refuse(request, ErrorCode::BadRequest);

    if (pending_.full()) return refuse(request, ErrorCode::InsufficientCapacity);
    auto waiting = std::make_unique<PendingAllocation>();
    waiting->wanted = *families;
    const std::string_view realm = realm_of(request.path, nullptr);
    if (const auto token = request.message.find(Attribute::ReservationToken)) {
        // Its unit of the quota was taken with the reservation and comes along.
        const auto reserved = shared_.reservations.take(load_u64(*token, 0), realm, identity.subject, request.now);
        if (!reserved) return refuse(request, ErrorCode::InsufficientCapacity);
        waiting->wanted.push_back({reserved->address.family(), {}, false, {}, false, false, reserved});
    } else {
        const std::uint32_t subject_max = identity.limits.allocations.value_or(config_.allocations_per_subject);
        const bool none_allowed = identity.limits.allocations == std::optional<std::uint32_t>{0};
        if (none_allowed || !shared_.quota.reserve(realm, identity.subject, subject_max, config_.allocations_total,
                                                   waiting->quota_units())) {
            return refuse(request, ErrorCode::AllocationQuotaReached);
        }
    }

    waiting->allocation = std::make_unique<Allocation>(
        request.path, credentials_.intern({identity.username, identity.subject, realm, identity.keys.md5.reveal(),
                                           identity.keys.sha256.reveal(), bandwidth_of(config_, identity.limits),
                                           identity.third_party, identity.limits.relay_peers_only}));
    Allocation& allocation = *waiting->allocation;
    allocation.id.value = shared_.next_allocation_id.fetch_add(1, std::memory_order_relaxed);
    allocation.transaction = request.envelope.transaction;
    if (identity.authorized_until) {
        allocation.more().authorized_until = request.now + (*identity.authorized_until - request.wall);
    }
    allocation.protocol = tcp ? RelayProtocol::Tcp : RelayProtocol::Udp;
    allocation.limit_rates(config_);
    waiting->answer_to = request.envelope;
    waiting->wants_ticket = ticket.has_value();
    if (config_.nat_rebinding) {
        allocation.more().nonce = as_text(*request.message.find(Attribute::Nonce));
        allocation.more().nonce_tuple = tuple;
    }
    waiting->say_family_errors = request.message.has(Attribute::AdditionalAddressFamily);
    waiting->lifetime = within_authorization(granted_lifetime(config_, lifetime, Nanoseconds{0}),
                                             allocation.uncommon().authorized_until, request.now);
    open_relays(pending_.add(std::move(waiting)), {}, request.now, request.out);
}

// RFC 8489 §10 and §14.16: only to who is authenticated, and protected, since it moves the client to
// another server.
void Machine::redirect(Request& request, const Redirection::Alternate& to) {
    Reply reply{request.envelope, stun::Class::Error};
    reply.message().error(ErrorCode::TryAlternate).address(Attribute::AlternateServer, to.server);
    if (!to.domain.empty()) reply.message().text(Attribute::AlternateDomain, to.domain);
    reply.send(request.out);
    count_error(request.envelope, ErrorCode::TryAlternate, request.out);
}

// RFC 6062 §5.1: over a stream, and without what only datagrams have.
bool Machine::fits_tcp(const Request& request) {
    const stun::MessageView& message = request.message;
    return is_stream(request.path.tuple.transport) && !message.has(Attribute::EvenPort) &&
           !message.has(Attribute::DontFragment) && !message.has(Attribute::ReservationToken);
}

// §7.2 on EVEN-PORT, RESERVATION-TOKEN and the two family attributes: which families, or which refusal.
// None with a token: it stands for an address that has one already.
std::expected<Machine::Families, ErrorCode> Machine::families_of(const Request& request) const {
    const auto requested = request.message.find(Attribute::RequestedAddressFamily);
    const auto additional = request.message.find(Attribute::AdditionalAddressFamily);
    const auto even_port = request.message.find(Attribute::EvenPort);
    const auto token = request.message.find(Attribute::ReservationToken);
    const auto bad = std::unexpected{ErrorCode::BadRequest};

    if (token) {
        if (even_port || requested || additional || token->size() != 8) return bad;
        return Families{};
    }
    if (requested && additional) return bad;
    bool reserve_next = false;
    if (even_port) {
        const auto reserve = stun::decode_even_port(*even_port);
        if (!reserve || (*reserve && additional)) return bad;
        reserve_next = *reserve;
    }

    const auto has = [&](Family family) { return family == Family::V4 ? config_.relay_v4 : config_.relay_v6; };
    const Family listener_family = request.path.tuple.server.address.family();
    Families families;
    const auto want = [&](Family family) {
        families.push_back({family, {}, false, {}, even_port.has_value(), reserve_next, {}});
    };
    if (additional) {
        const auto number = stun::decode_address_family(*additional);
        if (number != std::uint8_t{2}) return bad;
        want(Family::V4);
        want(Family::V6);
    } else if (requested) {
        const auto number = stun::decode_address_family(*requested);
        if (!number) return bad;
        if (*number != 1 && *number != 2) return std::unexpected{ErrorCode::AddressFamilyNotSupported};
        want(static_cast<Family>(*number));
    } else if (config_.default_family == Config::DefaultFamily::Dual && reserve_next) {
        want(config_.relay_v4 ? Family::V4 : Family::V6);  // one pair; §7.2 knows none of two families
    } else if (config_.default_family == Config::DefaultFamily::Dual) {
        if (config_.relay_v4) want(Family::V4);
        if (config_.relay_v6) want(Family::V6);
    } else if (config_.default_family == Config::DefaultFamily::Listener && has(listener_family)) {
        want(listener_family);
    } else {
        want(Family::V4);
    }

    bool any = false;
    for (PendingAllocation::Wanted& wanted : families) {
        if (has(wanted.family)) {
            any = true;
        } else {
            wanted.answered = true;
            wanted.error = ErrorCode::AddressFamilyNotSupported;
        }
    }
    if (!any) return std::unexpected{ErrorCode::AddressFamilyNotSupported};
    return families;
}

// `exact` has a restored allocation's addresses, in the order of `wanted`.
void Machine::open_relays(PendingAllocation& waiting, std::span<const Endpoint> exact, Instant now, Outbox& out) {
    Allocation& allocation = *waiting.allocation;
    waiting.deadline = wheel_.arm(now + kOpenDeadline, Timer::opening(allocation));
    for (std::size_t i = 0; i < waiting.wanted.size(); ++i) {
        PendingAllocation::Wanted& wanted = waiting.wanted[i];
        if (wanted.answered) continue;
        wanted.relay = slots_.take(allocation);
        OpenRelay open{wanted.relay, wanted.family, wanted.reserved, wanted.even_port, wanted.reserve_next,
                       wanted.reserved.has_value()};
        if (i < exact.size()) open.exact = exact[i];
        open.protocol = allocation.protocol;
        out.add(open);
    }
}

void Machine::relay_opened(RelayId relay, std::expected<Endpoint, OpenError> bound, Instant now, Outbox& out) {
    Allocation* allocation = slots_.find(relay);
    PendingAllocation* waiting = allocation != nullptr ? pending_.find(allocation->tuple()) : nullptr;
    if (waiting == nullptr || waiting->allocation.get() != allocation) {
        // Too late: whoever wanted it is gone. A second report on a live one means nothing.
        if (bound && allocation == nullptr) out.add(CloseRelay{relay, true});
        return;
    }
    bool settled = true;
    for (PendingAllocation::Wanted& wanted : waiting->wanted) {
        if (wanted.relay == relay && !wanted.answered) {
            wanted.answered = true;
            if (bound) {
                allocation->relayed.push_back({relay, *bound});
                if (wanted.reserve_next) reserve_next(*allocation, *bound, now);
            } else {
                slots_.release(relay);
                wanted.error = ErrorCode::InsufficientCapacity;
            }
        }
        settled = settled && wanted.answered;
    }
    if (settled) settle(allocation->tuple(), now, out);
}

// The driver holds the port after `even` from now on. It ends with the reservation, or becomes the
// relayed address of the Allocate that shows the token.
void Machine::reserve_next(Allocation& allocation, const Endpoint& even, Instant now) {
    const Endpoint next{even.address, static_cast<std::uint16_t>(even.port + 1)};
    const Instant until = now + Reservations::kLifetime;
    const CredentialEntry& holder = *allocation.credential;
    const auto token = shared_.reservations.keep({std::string{holder.realm()}, std::string{holder.subject()}, next, until}, random_);
    allocation.more().reservation = token;
    wheel_.arm(until, Timer::reservation(token));
}

void Machine::end_reservation(Reservations::Token token, Outbox& out) {
    const auto left = shared_.reservations.end(token);
    if (!left) return;  // taken
    shared_.quota.release(left->realm, left->subject);
    out.add(EndReservation{left->local});
}

// Every family that was wanted is there or refused.
void Machine::settle(const FiveTuple& tuple, Instant now, Outbox& out) {
    std::unique_ptr<PendingAllocation> waiting = pending_.take(tuple);
    if (waiting->allocation->relayed.empty()) return abandon(std::move(waiting), CloseReason::NotRestored, now, out);

    wheel_.cancel(waiting->deadline);
    Allocation& allocation = table_.insert(std::move(waiting->allocation));
    register_names(allocation);
    if (waiting->answer_to) {
        if (waiting->wants_ticket) give_ticket(allocation);
        allocation.opened_at = now;
        allocation.expires_at = now + waiting->lifetime;
    }
    sweep(allocation, now);
    changed(allocation);
    if (!waiting->answer_to) return;

    report_opened(allocation, external(allocation.relayed.front().local), out);
    for (const PendingAllocation::Wanted& wanted : waiting->wanted) {
        if (wanted.error && waiting->say_family_errors) allocation.more().refused_family = {wanted.family, *wanted.error};
    }
    answer_allocate(*waiting->answer_to, allocation, now, out);
}

// Nothing comes of it: no relayed address, or the client or its right went first.
void Machine::abandon(std::unique_ptr<PendingAllocation> waiting, CloseReason reason, Instant now, Outbox& out) {
    Allocation& allocation = *waiting->allocation;
    wheel_.cancel(waiting->deadline);
    disarm(allocation);
    ErrorCode code = ErrorCode::InsufficientCapacity;
    for (const PendingAllocation::Wanted& wanted : waiting->wanted) {
        if (wanted.error) code = *wanted.error;
        slots_.release(wanted.relay);  // a report that is still on its way finds it stale
    }
    for (const Relayed& relayed : allocation.relayed) out.add(CloseRelay{relayed.relay});
    shared_.quota.release(allocation.realm(), allocation.credential->subject(), waiting->quota_units());

    const bool failed = reason == CloseReason::NotRestored;
    if (!waiting->answer_to) {
        report_closed(allocation, waiting->restored_as, reason, now, out);
    } else if (failed) {
        refuse(*waiting->answer_to, code, out);
    }
    close_client(allocation, reason, out);
}

void Machine::answer_allocate(const Envelope& to, const Allocation& allocation, Instant now, Outbox& out) {
    Reply reply{to, stun::Class::Success};
    stun::MessageBuilder& message = reply.message();
    for (const Relayed& one : allocation.relayed) message.xor_address(Attribute::XorRelayedAddress, external(one.local));
    message.u32(Attribute::Lifetime, lifetime_seconds(allocation.expires_at - now))
        .xor_address(Attribute::XorMappedAddress, to.path.tuple.client);
    const Allocation::Uncommon& also = allocation.uncommon();
    if (!also.ticket.empty()) message.bytes(Attribute::MobilityTicket, also.ticket);
    if (also.reservation) message.u64(Attribute::ReservationToken, *also.reservation);
    if (also.refused_family) message.address_error(also.refused_family->family, also.refused_family->code);
    reply.send(out);
    count_success(stun::Method::Allocate);
}

}  // namespace turnpike::core
