// A client whose transport address changes keeps its allocation: by a ticket (RFC 8016), or because its
// nonce and its key say that only its NAT changed (docs/decisions/0003-mobility.md).
//
// Both begin on a 5-tuple that this worker may be the first to see, while another worker has the
// allocation. It is fetched then, and the request looked at once more.

#include <array>

#include "common/crypto/base64.hpp"
#include "turn/core/machine.hpp"
#include "turn/stun/integrity.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;
using stun::Method;

namespace {

bool proves(const stun::MessageView& message, const LongTermKeys& keys) noexcept {
    const bool strong = message.has(Attribute::MessageIntegritySha256);
    if (!strong && !message.has(Attribute::MessageIntegrity)) return false;
    for (const Secret* key : {&keys.sha256, &keys.md5}) {
        if (strong ? stun::verify_message_integrity_sha256(message, key->reveal())
                   : stun::verify_message_integrity(message, key->reveal())) {
            return true;
        }
    }
    return false;
}

std::string_view text_of(const stun::MessageView& message, Attribute type) noexcept {
    const auto value = message.find(type);
    return value ? as_text(*value) : std::string_view{};
}

// A NAT forgets UDP mappings; a new TCP connection is a new connection.
bool rebinds(const FiveTuple& from, const FiveTuple& to) noexcept {
    return from.transport == Transport::Udp && to.transport == Transport::Udp && from.server == to.server &&
           from.client.address == to.client.address && from.client.port != to.client.port;
}

}  // namespace

bool Machine::signed_by_owner(const FiveTuple& tuple, const stun::MessageView& message) const noexcept {
    const Allocation* allocation = table_.find(tuple);
    return allocation != nullptr && proves(message, allocation->keys);
}

// The allocation behind a request from a 5-tuple that has none. False when the request waits for it.
bool Machine::find_moved(Request& request, bool may_fetch) {
    const stun::MessageView& message = request.message;
    const FiveTuple& tuple = request.path.tuple;
    const Method method = message.method();
    const auto ticket = method == Method::Refresh && config_.mobility ? message.find(Attribute::MobilityTicket) : std::nullopt;
    const bool by_ticket = ticket && ticket->size() == kTicketSize;
    const bool by_nonce = !by_ticket && config_.nat_rebinding && method != Method::Allocate;
    if (!by_ticket && !by_nonce) return true;

    const auto owner = by_ticket ? shared_.tickets.find(as_text(*ticket))
                                 : shared_.nonces.find(text_of(message, Attribute::Nonce));
    if (!owner || (by_nonce && !rebinds(owner->tuple, tuple))) return true;
    if (owner->worker != shared_.worker) {
        if (may_fetch) {
            request.out.fetch(owner->worker, owner->tuple, request.path, message.bytes());
            return false;
        }
        request.others = by_ticket;  // whose allocation it is did not sign this
        return true;
    }
    Allocation* allocation = table_.find(owner->tuple);
    if (allocation == nullptr || allocation->expires_at <= request.now) return true;
    (by_ticket ? request.moving : request.rebinding) = allocation;
    return true;
}

// ---- RFC 8016 ----

void Machine::give_ticket(Allocation& allocation) {
    if (!allocation.ticket.empty()) shared_.tickets.erase(as_text(allocation.ticket), allocation.tuple());
    std::array<std::uint8_t, kTicketSize / 4 * 3> raw{};
    random_.fill_secret(raw);
    const std::string text = crypto::base64url(raw);
    allocation.ticket.assign(text.begin(), text.end());
    shared_.tickets.set(as_text(allocation.ticket), {shared_.worker, allocation.tuple()});
}

// §3.2: data goes to the old 5-tuple until the client's own comes on the new one.
void Machine::expect_client_at(Allocation& allocation, const Path& path) {
    forget_next_path(allocation);
    allocation.next_path = path;
    table_.add(path.tuple, allocation);
}

void Machine::forget_next_path(Allocation& allocation) {
    if (!allocation.next_path) return;
    table_.remove(allocation.next_path->tuple);
    allocation.next_path.reset();
}

void Machine::client_arrived(const FiveTuple& tuple, Outbox& out) {
    Allocation* allocation = table_.find(tuple);
    if (allocation == nullptr || !allocation->is_next(tuple)) return;
    const Path path = *allocation->next_path;
    forget_next_path(*allocation);
    move_client(*allocation, path, out);
}

// From now on this is the 5-tuple of the allocation, and the old one is nobody's.
void Machine::move_client(Allocation& allocation, const Path& path, Outbox& out) {
    const FiveTuple from = allocation.tuple();
    table_.remove(from);
    allocation.path = path;
    table_.add(path.tuple, allocation);
    register_names(allocation);
    ++counters_.clients_moved;
    out.add(ClientMoved{allocation.id, from, path.tuple});
}

void Machine::register_names(const Allocation& allocation) {
    if (!allocation.ticket.empty()) shared_.tickets.set(as_text(allocation.ticket), {shared_.worker, allocation.tuple()});
    if (!allocation.nonce.empty()) shared_.nonces.set(allocation.nonce, {shared_.worker, allocation.tuple()});
}

void Machine::forget_names(const Allocation& allocation) {
    if (!allocation.ticket.empty()) shared_.tickets.erase(as_text(allocation.ticket), allocation.tuple());
    if (!allocation.nonce.empty()) shared_.nonces.erase(allocation.nonce, allocation.tuple());
}

bool Machine::client_moving(const FiveTuple& tuple) const noexcept {
    const Allocation* allocation = table_.find(tuple);
    return allocation != nullptr && allocation->next_path.has_value();
}

// ---- NAT rebinding ----

void Machine::remember_nonce(Allocation& allocation, std::string_view nonce, const FiveTuple& bound_to) {
    if (!config_.nat_rebinding || allocation.nonce == nonce) return;
    if (!allocation.nonce.empty()) shared_.nonces.erase(allocation.nonce, allocation.tuple());
    allocation.nonce = nonce;
    allocation.nonce_tuple = bound_to;
    shared_.nonces.set(allocation.nonce, {shared_.worker, allocation.tuple()});
}

// Before the nonce's binding and age are looked at: a request under the allocation's key whose nonce is the
// last that the allocation accepted, from the same IP address. True when the request needs no
// other judgement: it took the allocation over, or was told that the nonce is stale.
bool Machine::rebind(Request& request) {
    if (!config_.nat_rebinding) return false;
    // Its own 5-tuple, after a takeover: the nonce is still that of the old port.
    Allocation* allocation = request.rebinding;
    if (allocation == nullptr && request.allocation != nullptr &&
        rebinds(request.allocation->nonce_tuple, request.path.tuple)) {
        allocation = request.allocation;
    }
    if (allocation == nullptr || allocation->nonce.empty() || request.message.method() == Method::Allocate) return false;

    if (text_of(request.message, Attribute::Nonce) != allocation->nonce) return false;
    auto verdict = authenticator_.verify(request.message, allocation->nonce_tuple, allocation->realm, allocation, request.wall);
    if (!verdict || verdict->keys.md5 != allocation->keys.md5 ||
        shared_.revocations.revoked(allocation->realm, allocation->subject, request.wall)) {
        return false;
    }
    if (verdict->stale) {
        challenge(request, ErrorCode::StaleNonce, allocation);
        return true;
    }
    if (request.allocation == nullptr) {
        forget_next_path(*allocation);
        move_client(*allocation, request.path, request.out);
        request.allocation = allocation;
    }
    accept(request, std::move(*verdict));
    return true;
}

}  // namespace turnpike::core
