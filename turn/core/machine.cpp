#include "turn/core/machine.hpp"

#include <algorithm>

#include "turn/stun/attributes.hpp"

namespace turnpike::core {
namespace {

using stun::Attribute;
using stun::Class;
using stun::ErrorCode;
using stun::Method;

HashKey random_key(Random& random) {
    std::array<std::uint8_t, 16> raw{};
    random.fill_secret(raw);
    return {load_u64(raw, 0), load_u64(raw, 8)};
}

constexpr std::size_t kFingerprintSize = 8;
constexpr std::size_t kNonceBytesMax = 763;  // RFC 8489 §14.10: fewer than 128 characters
constexpr std::size_t kAmplificationMax = 3;  // RFC 9000 §8.1 has the same number for the same reason

bool may_have_allocation(Method method, bool tcp) noexcept {
    return method == Method::Allocate || method == Method::Refresh || method == Method::CreatePermission ||
           method == Method::ChannelBind || (tcp && (method == Method::Connect || method == Method::ConnectionBind));
}

}  // namespace

Machine::Machine(Config config, std::shared_ptr<const CredentialSource> credentials,
                 std::shared_ptr<const PeerPolicy> policy, Server::Shared shared, Random& random)
    : config_(std::move(config)),
      shared_(shared),
      policy_(std::move(policy)),
      random_(random),
      hash_key_(random_key(random)),
      discovery_(config_),
      nonces_(config_.nonce_key, config_.nonce_lifetime, config_.sha256),
      authenticator_(config_, nonces_, std::move(credentials)),
      unauthenticated_limits_(shared.strangers.unauthenticated),
      binding_limits_(shared.strangers.binding),
      credentials_(hash_key_),
      table_(hash_key_),
      pending_(config_.pending_max, hash_key_),
      connections_(hash_key_),
      retransmissions_(random_key(random)) {}

void Machine::on_message(const Path& path, const stun::MessageView& message, Instant now, WallTime wall, Outbox& out,
                         bool may_fetch) {
    if (message.message_class() == Class::Indication && message.method() == Method::Send) {
        on_send(path, message, now, out);
        return;
    }
    // Nothing but a request is ever answered, and a relay of ours is nobody's client: no loops (T9).
    const bool from_our_relay = path.tuple.transport == Transport::Udp && shared_.relays.live(path.tuple.client);
    if (message.message_class() != Class::Request || from_our_relay) {
        ++counters_.dropped_malformed;
        return;
    }

    if (config_.relay_tcp && passes_on(path, message, out)) return;

    const auto number = static_cast<std::size_t>(message.method());
    if (number < Counters::kMethods) ++counters_.requests[number];
    Request request{path, message, now, wall, out, Envelope{path, message}, table_.find(path.tuple)};
    if (request.allocation != nullptr && request.allocation->expires_at <= now) {
        expire(*request.allocation, now, out);  // due, though the wheel's tick is still to come
        request.allocation = nullptr;
    }

    if (message.method() == Method::Binding) {
        on_binding(request);
        return;
    }
    if (!may_have_allocation(message.method(), config_.relay_tcp)) {
        if (may_answer(request, unauthenticated_limits_)) refuse(request, ErrorCode::BadRequest);
        return;
    }
    if (const auto nonce = message.find(Attribute::Nonce); nonce && nonce->size() > kNonceBytesMax) {
        ++counters_.dropped_malformed;
        return;
    }
    const bool by_ticket = message.method() == Method::Refresh && message.has(Attribute::MobilityTicket);
    if ((request.allocation == nullptr && (message.method() == Method::Refresh || config_.nat_rebinding)) || by_ticket) {
        const ByteView answer = retransmissions_.find(path.tuple, message, now);
        if (!answer.empty()) {
            out.send(path, answer);
            return;
        }
    }
    // A data connection proves itself by the credential of the allocation that it is for.
    if (message.method() == Method::ConnectionBind) {
        if (const Connection* connection = connection_of(message)) request.allocation = connection->allocation;
    }
    // A restored allocation whose sockets are not bound yet: the client asks again in a moment.
    const PendingAllocation* waiting = pending_.find(path.tuple);
    if (waiting != nullptr && !waiting->answer_to) return;
    if (waiting == nullptr && request.allocation == nullptr && !find_moved(request, may_fetch)) {
        --counters_.requests[number];  // it comes once more
        return;
    }
    if (!(rebind(request) ? request.identity.has_value() : authenticate(request))) return;
    if (refuse_unknown_attributes(request)) return;
    switch (message.method()) {
        case Method::Allocate: on_allocate(request); break;
        case Method::Refresh: on_refresh(request); break;
        case Method::CreatePermission: on_create_permission(request); break;
        case Method::ChannelBind: on_channel_bind(request); break;
        case Method::Connect: on_connect(request); break;
        case Method::ConnectionBind: on_connection_bind(request); break;
        default: break;
    }
}

std::string_view Machine::realm_of(const Path& path, const Allocation* allocation) const noexcept {
    if (allocation != nullptr) return allocation->realm();
    return path.listener < config_.listeners.size() ? std::string_view{config_.listeners[path.listener].realm}
                                                    : std::string_view{};
}

bool Machine::may_answer(const Request& request, RateLimits& limits) {
    // A stream or DTLS client has shown that it is where it says.
    if (request.path.tuple.transport != Transport::Udp) return true;
    const IpAddress& source = request.path.tuple.client.address;
    const auto exempts = [&](const Cidr& block) { return block.contains(source); };
    if (limits.take(source, request.now) || std::ranges::any_of(config_.rate_exempt, exempts)) return true;
    ++counters_.dropped_rate;
    return false;
}

// RFC 8489 §9.2.4. Revoked subjects are nobody, on every method; the age of a credential is
// Allocate's business.
bool Machine::authenticate(Request& request) {
    const std::string_view realm = realm_of(request.path, request.allocation);
    // A ticket's allocation has a key of its own too, whatever became of the secret since.
    const bool moves_here = request.moving != nullptr && request.moving->realm() == realm;
    const Allocation* live = moves_here ? request.moving : request.allocation;
    auto verdict = authenticator_.verify(request.message, request.path.tuple, realm, live, request.wall);
    if (!verdict) {
        const auto [code, proven] = verdict.error();
        if (!proven && !may_answer(request, unauthenticated_limits_)) return false;
        const bool bare = code == ErrorCode::Unauthenticated && !proven;  // without integrity
        const auto brief = bare ? short_refusal(request) : std::nullopt;
        if (brief || code == ErrorCode::BadRequest) {
            refuse(request, brief.value_or(code));
        } else {
            challenge(request, code);
        }
        return false;
    }
    if (shared_.revocations.revoked(realm, verdict->subject, request.wall)) {
        challenge(request, ErrorCode::Unauthenticated);
        return false;
    }
    // A retransmitted Allocate gets the answer of the first, though its nonce aged meanwhile.
    const PendingAllocation* waiting = pending_.find(request.path.tuple);
    const Allocation* made = waiting != nullptr ? waiting->allocation.get() : request.allocation;
    const bool again = request.message.method() == Method::Allocate && made != nullptr &&
                       made->transaction == request.envelope.transaction;
    // A data connection is not the 5-tuple of the allocation that it is for.
    const bool owns = request.allocation != nullptr && request.message.method() != Method::ConnectionBind &&
                      request.allocation->credential->has_keys(verdict->keys);
    Allocation* own = owns ? request.allocation : nullptr;
    if (verdict->stale && !again) {
        challenge(request, ErrorCode::StaleNonce, own);
        return false;
    }
    if (own != nullptr) remember_nonce(*own, as_text(*request.message.find(Attribute::Nonce)), request.path.tuple);
    accept(request, std::move(*verdict));
    return true;
}

void Machine::accept(Request& request, Identity identity) {
    request.envelope.integrity = identity.integrity;
    request.envelope.key = identity.key;
    request.identity = std::move(identity);
}

// RFC 8489 §9.2.4 would challenge whatever has no integrity. A challenge is large, its receiver perhaps a victim:
// what could not succeed with any credential is told so instead (docs/decisions/0003-authentication.md).
std::optional<ErrorCode> Machine::short_refusal(const Request& request) const {
    if (request.path.tuple.transport != Transport::Udp) return {};
    if (request.message.method() == Method::Allocate) {
        const auto transport = request.message.find(Attribute::RequestedTransport);
        if (transport && stun::decode_requested_transport(*transport)) return {};
        return ErrorCode::BadRequest;
    }
    if (request.message.method() == Method::ConnectionBind) return ErrorCode::BadRequest;  // a datagram binds nothing
    const std::size_t answer = authenticator_.challenge_size(realm_of(request.path, request.allocation)) +
                               (request.envelope.fingerprint ? kFingerprintSize : 0);
    const bool large = answer > kAmplificationMax * request.message.bytes().size();
    // A ticket finds an allocation of another 5-tuple (RFC 8016).
    const bool elsewhere = request.message.has(Attribute::MobilityTicket);
    if (request.allocation == nullptr && !elsewhere) return ErrorCode::AllocationMismatch;
    if (large) return ErrorCode::BadRequest;
    return {};
}

// RFC 8656 §5: all requests on an allocation use the username that made it. The exact username
// counts: a renewed credential makes a new allocation (DESIGN 5).
bool Machine::owns_allocation(Request& request) {
    if (request.allocation == nullptr) {
        refuse(request, ErrorCode::AllocationMismatch);
        return false;
    }
    Allocation& allocation = *request.allocation;
    const Identity& identity = *request.identity;
    const CredentialEntry& owner = *allocation.credential;
    const bool same_key = owner.has_keys(identity.keys);
    // A token names no user. With a new one, a Refresh from the 5-tuple goes on under that one (RFC 7635).
    const bool renews = identity.by_token && !same_key && request.message.method() == Method::Refresh &&
                        request.moving == nullptr;
    const bool owns = owner.third_party() ? identity.third_party && (same_key || renews)
                                          : !identity.third_party && owner.username() == identity.username;
    if (!owns) {
        refuse(request, ErrorCode::WrongCredentials);
        return false;
    }
    if (renews) {
        CredentialView renewed = owner.view();
        renewed.username = identity.username;
        renewed.key_md5 = identity.keys.md5.reveal();
        renewed.key_sha256 = identity.keys.sha256.reveal();
        allocation.credential = credentials_.intern(renewed);
        changed(allocation);
        allocation.more().authorized_until = request.now + (*identity.authorized_until - request.wall);
    }
    return true;
}

void Machine::refuse(Request& request, ErrorCode code) { refuse(request.envelope, code, request.out); }

void Machine::refuse(const Envelope& to, ErrorCode code, Outbox& out) {
    Reply reply{to, Class::Error};
    // Small to strangers: no reason phrase before a key is proven (security reference 5.1).
    if (to.integrity == Integrity::None) {
        reply.message().error(code, "");
    } else {
        reply.message().error(code);
    }
    reply.send(out);
    count_error(to, code, out);
}

void Machine::challenge(Request& request, ErrorCode code, Allocation* of) {
    const std::string_view realm = realm_of(request.path, request.allocation);
    request.envelope.integrity = Integrity::None;
    Reply reply{request.envelope, Class::Error};
    reply.message().error(code, "");
    const Nonces::Text nonce = authenticator_.challenge(reply.message(), request.path.tuple, realm, request.wall);
    const ByteView answer = reply.send(request.out);
    count_error(request.envelope, code, request.out);
    if (of == nullptr || !config_.nat_rebinding) return;
    remember_nonce(*of, nonce.view(), request.path.tuple);
    // The client may not get this and ask once more, with the nonce that is nobody's now.
    if (request.allocation == nullptr) retransmissions_.remember(request.path.tuple, request.message, answer, request.now);
}

void Machine::count_success(Method method) noexcept {
    const auto number = static_cast<std::size_t>(method);
    if (number < Counters::kMethods) ++counters_.successes[number];
}

void Machine::count_error(const Envelope& to, ErrorCode code, Outbox& out) {
    const auto index = static_cast<std::size_t>(code) - 300;
    if (index < Counters::kCodes) ++counters_.errors[index];
    out.add(RequestRefused{to.method, code, to.path.tuple.transport});
}

bool Machine::knows(const FiveTuple& tuple) const noexcept {
    return table_.find(tuple) != nullptr || pending_.find(tuple) != nullptr;
}

void Machine::reroute(const Path& path) noexcept {
    // A client on its way here is found by its next 5-tuple too, whose way is its own.
    Allocation* const allocation = table_.find(path.tuple);
    if (allocation == nullptr || allocation->tuple() != path.tuple || allocation->path.via == path.via) return;
    allocation->path.via = path.via;
    changed(*allocation);
}

void Machine::client_gone(const FiveTuple& tuple, Instant now, Outbox& out) {
    if (Allocation* allocation = table_.find(tuple)) {
        if (allocation->is_next(tuple)) {
            forget_next_path(*allocation);
        } else if (const Path* const next = allocation->next_path()) {
            client_arrived(FiveTuple{next->tuple}, out);  // it is there already
        } else if (allocation->uncommon().ticket.empty()) {
            close(*allocation, CloseReason::ClientGone, now, out);
        }
        // With a ticket it waits for its client until it expires: a broken connection is what tickets are for.
    }
    if (auto waiting = pending_.take(tuple)) abandon(std::move(waiting), CloseReason::ClientGone, now, out);
}

void Machine::advance(Instant now, Outbox& out) {
    wheel_.advance(now, [&](Timer timer) {
        switch (timer.kind) {
            case Timer::Kind::Life:
                if (timer.allocation->expires_at <= now) expire(*timer.allocation, now, out);
                else sweep(*timer.allocation, now);
                break;
            case Timer::Kind::Opening:
                abandon(pending_.take(timer.allocation->tuple()), CloseReason::NotRestored, now, out);
                break;
            case Timer::Kind::Reservation: end_reservation(timer.token, out); break;
            case Timer::Kind::Connection: close(*connections_.find(ConnectionId{timer.connection}), out); break;
        }
    });
}

void Machine::set_credentials(std::shared_ptr<const CredentialSource> credentials) {
    authenticator_.set_credentials(std::move(credentials));
}

void Machine::set_policy(std::shared_ptr<const PeerPolicy> policy, Outbox& out) {
    policy_ = std::move(policy);
    const auto enforce = [&](Allocation& allocation) {
        const bool relay_only = allocation.credential->relay_peers_only();
        const PeerPolicy& now_valid = policy_->for_realm(allocation.realm());
        const std::size_t permissions = allocation.permissions.erase_if(
            [&](const IpAddress& peer, Instant) { return !now_valid.check(peer, relay_only); });
        const std::size_t channels = allocation.channels.erase_if([&](const Channels::Channel& channel) {
            return !now_valid.check(channel.peer.address, relay_only) || !now_valid.allows_port(channel.peer);
        });
        const auto denied = [&](const Connection& one) { return !now_valid.check(one.peer.address, relay_only); };
        close_connections(allocation, denied, out);
        return permissions + channels > 0;
    };
    table_.for_each([&](Allocation& allocation) {
        if (enforce(allocation)) changed(allocation);
    });
    pending_.for_each([&](PendingAllocation& waiting) { enforce(*waiting.allocation); });
}

std::vector<AllocationSummary> Machine::list(Instant now) const {
    std::vector<AllocationSummary> all;
    all.reserve(table_.size());
    list({}, 0, UINT32_MAX, now, all);
    std::ranges::sort(all, {}, &AllocationSummary::id);
    return all;
}

// Relay slots are places that stay, whatever comes and goes; an allocation is at that of its first one.
std::optional<std::uint32_t> Machine::list(const AllocationFilter& filter, std::uint32_t from, std::uint32_t at_most,
                                           Instant now, std::vector<AllocationSummary>& out) const {
    const std::uint32_t end = slots_.end(), until = at_most < end - std::min(from, end) ? from + at_most : end;
    for (std::uint32_t slot = from; slot < until; ++slot) {
        const Allocation* const allocation = slots_.at(slot);
        if (allocation == nullptr || allocation->relayed.empty() || allocation->relayed.front().relay.slot != slot) continue;
        if (filter.id && allocation->id != *filter.id) continue;
        if (filter.subject && allocation->credential->subject() != *filter.subject) continue;
        if (pending_.size() > 0 && pending_.find(allocation->tuple()) != nullptr) continue;
        out.push_back(allocation->summary(shared_.relays, now));
    }
    if (until == end) return {};
    return until;
}

}  // namespace turnpike::core
