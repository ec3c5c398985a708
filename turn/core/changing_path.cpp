// A client whose transport address changes keeps its allocation: by a ticket (RFC 8016), or because its
// nonce and its key say that only its NAT changed (docs/decisions/0003-mobility.md).
//
// Both begin on a 5-tuple that this worker may be the first to see, while another worker has the
// allocation. It is fetched then, and the request looked at once more.

#include <array>
#include <tuple>

#include "common/crypto/base64.hpp"
#include "turn/core/machine.hpp"
#include "turn/stun/integrity.hpp"

namespace turnpike::core {

using stun::Attribute;
using stun::ErrorCode;
using stun::Method;

namespace {

bool proves(const stun::MessageView& message, const CredentialEntry& credential) noexcept {
    const bool strong = message.has(Attribute::MessageIntegritySha256);
    if (!strong && !message.has(Attribute::MessageIntegrity)) return false;
    for (const ByteView key : {credential.key_sha256(), credential.key_md5()}) {
        if (strong ? stun::verify_message_integrity_sha256(message, key) : stun::verify_message_integrity(message, key)) {
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
    return allocation != nullptr && proves(message, *allocation->credential);
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
    Bytes& ticket = allocation.more().ticket;
    if (!ticket.empty()) shared_.tickets.erase(as_text(ticket), allocation.tuple());
    std::array<std::uint8_t, kTicketSize / 4 * 3> raw{};
    random_.fill_secret(raw);
    const std::string text = crypto::base64url(raw);
    changed(allocation);
    ticket.assign(text.begin(), text.end());
    shared_.tickets.set(as_text(ticket), {shared_.worker, allocation.tuple()});
}

// §3.2: data goes to the old 5-tuple until the client's own comes on the new one.
void Machine::expect_client_at(Allocation& allocation, const Path& path) {
    forget_next_path(allocation);
    allocation.more().next_path = path;
    table_.add_next(allocation);
}

void Machine::forget_next_path(Allocation& allocation) {
    if (allocation.next_path() == nullptr) return;
    table_.remove(allocation.next_path()->tuple);
    allocation.more().next_path.reset();
}

void Machine::client_arrived(const FiveTuple& tuple, Outbox& out) {
    Allocation* allocation = table_.find(tuple);
    if (allocation == nullptr || !allocation->is_next(tuple)) return;
    const Path path = *allocation->next_path();
    forget_next_path(*allocation);
    move_client(*allocation, path, out);
}

// From now on this is the 5-tuple of the allocation, and the old one is nobody's.
void Machine::move_client(Allocation& allocation, const Path& path, Outbox& out) {
    const FiveTuple from = allocation.tuple();
    table_.remove(from);
    allocation.path = path;
    table_.add(allocation);
    register_names(allocation);
    changed(allocation);
    ++counters_.clients_moved;
    out.add(ClientMoved{allocation.id, from, path.tuple});
}

void Machine::register_names(const Allocation& allocation) {
    const auto& [ticket, nonce] = std::tie(allocation.uncommon().ticket, allocation.uncommon().nonce);
    if (!ticket.empty()) shared_.tickets.set(as_text(ticket), {shared_.worker, allocation.tuple()});
    if (!nonce.empty()) shared_.nonces.set(nonce, {shared_.worker, allocation.tuple()});
}

void Machine::forget_names(const Allocation& allocation) {
    const auto& [ticket, nonce] = std::tie(allocation.uncommon().ticket, allocation.uncommon().nonce);
    if (!ticket.empty()) shared_.tickets.erase(as_text(ticket), allocation.tuple());
    if (!nonce.empty()) shared_.nonces.erase(nonce, allocation.tuple());
}

bool Machine::client_moving(const FiveTuple& tuple) const noexcept {
    const Allocation* allocation = table_.find(tuple);
    return allocation != nullptr && allocation->next_path() != nullptr;
}

// ---- NAT rebinding ----

void Machine::remember_nonce(Allocation& allocation, std::string_view nonce, const FiveTuple& bound_to) {
    if (!config_.nat_rebinding || allocation.uncommon().nonce == nonce) return;
    Allocation::Uncommon& also = allocation.more();
    if (!also.nonce.empty()) shared_.nonces.erase(also.nonce, allocation.tuple());
    also.nonce = nonce;
    also.nonce_tuple = bound_to;
    changed(allocation);
    shared_.nonces.set(also.nonce, {shared_.worker, allocation.tuple()});
}

// Before the nonce's binding and age are looked at: a request under the allocation's key whose nonce is the
// last that the allocation accepted, from the same IP address. True when the request needs no
// other judgement: it took the allocation over, or was told that the nonce is stale.
bool Machine::rebind(Request& request) {
    if (!config_.nat_rebinding) return false;
    // Its own 5-tuple, after a takeover: the nonce is still that of the old port.
    Allocation* allocation = request.rebinding;
    if (allocation == nullptr && request.allocation != nullptr &&
        rebinds(request.allocation->uncommon().nonce_tuple, request.path.tuple)) {
        allocation = request.allocation;
    }
    if (allocation == nullptr || allocation->uncommon().nonce.empty() || request.message.method() == Method::Allocate) return false;

    if (text_of(request.message, Attribute::Nonce) != allocation->uncommon().nonce) return false;
    const CredentialEntry& owner = *allocation->credential;
    auto verdict = authenticator_.verify(request.message, allocation->uncommon().nonce_tuple, owner.realm(), allocation,
                                         request.wall);
    if (!verdict || !owner.has_keys(verdict->keys) ||
        shared_.revocations.revoked(owner.realm(), owner.subject(), request.wall)) {
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
