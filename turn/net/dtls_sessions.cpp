#include "turn/net/dtls_sessions.hpp"

#include <algorithm>
#include <utility>

namespace turnpike::net {

DtlsSessions::DtlsSessions(DatagramReader& memory, StreamCensus& census, HandshakeLimits& handshakes,
                           const DtlsCookies& cookies, const Limits& limits, const Clock& clock, ClientSink& sink,
                           DtlsConnection::Wire& wire)
    : memory_(memory), census_(census), handshakes_(handshakes), cookies_(cookies), limits_(limits), clock_(clock),
      sink_(sink), wire_(wire), by_tuple_(0, FiveTupleHash{census.hash_key()}) {}

DtlsSessions::~DtlsSessions() = default;

void DtlsSessions::listen(std::uint16_t listener, const TlsContext& tls) {
    if (listener >= listenings_.size()) listenings_.resize(listener + 1U);
    listenings_[listener].tls = &tls;
}

// ---- the table ----

DtlsSession* DtlsSessions::find(std::uint64_t link) noexcept {
    const auto index = static_cast<std::uint32_t>(link);
    if (index >= slots_.size() || slots_[index].generation != link >> 32) return nullptr;
    return slots_[index].session.get();
}

void DtlsSessions::put(std::unique_ptr<DtlsSession> session, Instant now) {
    if (free_slots_.empty()) {
        slots_.emplace_back();
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_slots_.back();
    free_slots_.pop_back();
    Slot& slot = slots_[index];
    ++slot.generation;
    DtlsSession& s = *session;
    s.path.link = (std::uint64_t{slot.generation} << 32) | index;
    slot.session = std::move(session);
    by_tuple_.insert_or_assign(s.path.tuple, s.path.link);
    for (DtlsConnection* const connection : {s.live.get(), s.candidate.get()}) {
        if (connection != nullptr) connection->attach(s.path, wire_);
    }
    rearm(s, now);
}

std::unique_ptr<DtlsSession> DtlsSessions::take(std::uint64_t link) {
    if (find(link) == nullptr) return {};
    Slot& slot = slots_[static_cast<std::uint32_t>(link)];
    auto session = std::move(slot.session);
    wheel_.cancel(slot.deadline);
    slot.deadline = {};
    free_slots_.push_back(static_cast<std::uint32_t>(link));
    by_tuple_.erase(session->path.tuple);
    return session;
}

std::unique_ptr<DtlsSession> DtlsSessions::release(const FiveTuple& tuple) {
    const auto it = by_tuple_.find(tuple);
    if (it == by_tuple_.end()) return {};
    auto session = take(it->second);
    session->candidate.reset();  // its client tries again, there
    return session;
}

std::uint64_t DtlsSessions::adopt(std::unique_ptr<DtlsSession> session) {
    if (knows(session->path.tuple)) return 0;
    DtlsSession& s = *session;
    put(std::move(session), clock_.now());
    return s.path.link;
}

void DtlsSessions::end(DtlsSession& session) {
    const core::Path path = session.path;
    if (session.live) session.live->say_goodbye();
    const bool known = session.live != nullptr;
    ended_.push_back(take(path.link));
    if (known) sink_.on_session_closed(path);
}

void DtlsSessions::close(std::uint64_t link) {
    if (DtlsSession* const session = find(link)) end(*session);
}

void DtlsSessions::close_all() {
    for (const Slot& slot : slots_) {
        if (slot.session && slot.session->live) slot.session->live->say_goodbye();
    }
}

// ---- receiving ----

void DtlsSessions::receive(const core::Path& path, ByteView datagram, Instant now) {
    using Kind = DtlsDatagram::Kind;
    const DtlsDatagram opening = DtlsDatagram::inspect(datagram);
    const auto it = by_tuple_.find(path.tuple);
    DtlsSession* const session = it == by_tuple_.end() ? nullptr : find(it->second);
    if (opening.kind == Kind::Invalid || (session == nullptr && opening.kind != Kind::ClientHello)) {
        ++dropped;
        return;
    }
    if (session != nullptr && path.via.port != 0) session->path.via = path.via;
    if (opening.kind == Kind::ClientHello) {
        on_client_hello(path, session, opening, datagram, now);
        return;
    }
    // The candidate's handshake, and its Finished, which is protected; a live association's media meanwhile.
    if (session->candidate && opening.kind != Kind::Data) {
        // OpenSSL keeps what comes before its keys do, a record buffer for each.
        constexpr unsigned kEarlyMax = 8;
        if (opening.kind == Kind::Handshake && ++session->candidate->protected_datagrams > kEarlyMax) ++dropped;
        else feed_candidate(*session, datagram, now);
    } else if (session->live) {
        feed_live(*session, datagram, now);
    } else {
        ++dropped;
    }
}

void DtlsSessions::on_client_hello(const core::Path& path, DtlsSession* session, const DtlsDatagram& opening,
                                   ByteView datagram, Instant now) {
    const auto began = [&](const std::unique_ptr<DtlsConnection>& connection) {
        return connection && std::ranges::equal(connection->random, opening.random);
    };
    if (session != nullptr && began(session->candidate)) {
        feed_candidate(*session, datagram, now);  // a retransmission
        return;
    }
    if (path.listener >= listenings_.size() || listenings_[path.listener].tls == nullptr ||
        (session != nullptr && began(session->live))) {  // late, or a copy
        ++dropped;
        return;
    }

    Listening& listening = listenings_[path.listener];
    const std::uint64_t generation = listening.tls->generation();
    if (!listening.spare || listening.generation != generation) {
        listening.spare = DtlsConnection::make(*listening.tls, cookies_);
        listening.generation = generation;
        if (!listening.spare) return;
    }
    listening.spare->attach(path, wire_);
    if (!listening.spare->listen(datagram, now)) return;

    auto connection = std::move(listening.spare);
    std::ranges::copy(opening.random, connection->random.begin());
    begin(path, session, std::move(connection), now);
}

// A client has shown that it is where it says; from here on it has a state.
void DtlsSessions::begin(const core::Path& path, DtlsSession* session, std::unique_ptr<DtlsConnection> connection,
                         Instant now) {
    auto ticket = handshakes_.begin(path.tuple.client.address, now);
    if (!ticket) {
        ++handshakes_refused;
        return;
    }
    connection->ticket = std::move(*ticket);
    connection->begun_at = now;
    if (session == nullptr) {
        auto place = census_.enter(path.tuple.client.address);
        if (!place) {
            ++refused;
            return;
        }
        auto made = std::make_unique<DtlsSession>();
        session = made.get();
        session->path = path;
        session->place = std::move(*place);
        session->candidate = std::move(connection);
        put(std::move(made), now);
    } else {
        session->candidate = std::move(connection);
        session->candidate->attach(session->path, wire_);
    }
    feed_candidate(*session, {}, now);
}

void DtlsSessions::feed_candidate(DtlsSession& session, ByteView datagram, Instant now) {
    switch (session.candidate->handshake(datagram, now)) {
        case DtlsConnection::Handshake::Goes: rearm(session, now); return;
        case DtlsConnection::Handshake::Failed: drop_candidate(session); return;
        case DtlsConnection::Handshake::Done: break;
    }
    ++handshakes_ok;
    promote(session, now);
    feed_live(session, {}, now);  // what came in the same datagram
}

// The new association is proven. What the old one had ends with it.
void DtlsSessions::promote(DtlsSession& session, Instant now) {
    const bool replaces = session.live != nullptr;
    session.live = std::move(session.candidate);
    session.live->ticket.end();
    session.opened_at = session.received_at = now;
    session.spoken = false;
    if (replaces) sink_.on_session_replaced(session.path);
    rearm(session, now);
}

void DtlsSessions::drop_candidate(DtlsSession& session) {
    ++handshakes_failed;
    session.candidate.reset();
    if (!session.live) end(session);
    else rearm(session, clock_.now());
}

void DtlsSessions::feed_live(DtlsSession& session, ByteView datagram, Instant now) {
    const std::uint64_t link = session.path.link;
    session.live->receive(datagram);
    for (;;) {
        if (memory_.free_slots() == 0) sink_.make_room();
        const ByteSpan slot = memory_.take_slot();
        const DtlsConnection::Read got = session.live->read(slot);
        if (got.ended) {
            end(session);
            return;
        }
        if (got.size > 0) {
            session.received_at = now;
            if (!std::exchange(session.spoken, true)) rearm(session, now);
            sink_.on_frame(session.path, slot.first(got.size));
            if (find(link) != &session) return;  // its own message ended it
        }
        if (got.dry) return;
    }
}

// ---- sending ----

void DtlsSessions::send(std::uint64_t link, ByteView message) {
    DtlsSession* const session = find(link);
    if (session == nullptr || !session->live) return;
    if (!session->live->write(message)) ++media_dropped;
}

void DtlsSessions::send(std::uint64_t link, const Outgoing& message) {
    gathered_.assign(message.header.begin(), message.header.end());
    gathered_.insert(gathered_.end(), message.payload.begin(), message.payload.end());
    gathered_.resize(message.size());
    send(link, gathered_);
}

// ---- deadlines ----

Instant DtlsSessions::deadline_of(const DtlsSession& session) const noexcept {
    if (!session.live) return session.candidate->begun_at + limits_.dtls_handshake;
    return session.spoken ? session.received_at + limits_.idle : session.opened_at + limits_.first_frame;
}

void DtlsSessions::rearm(DtlsSession& session, Instant now) {
    Instant at = deadline_of(session);
    if (session.candidate) {
        at = std::min(at, session.candidate->begun_at + limits_.dtls_handshake);
        if (const auto after = session.candidate->retransmit_after()) at = std::min(at, now + *after);
    }
    Slot& slot = slots_[static_cast<std::uint32_t>(session.path.link)];
    slot.deadline = wheel_.rearm(slot.deadline, at, session.path.link);
}

void DtlsSessions::advance(Instant now) {
    wheel_.advance(now, [this, now](std::uint64_t link) { check_deadline(link, now); });
}

void DtlsSessions::check_deadline(std::uint64_t link, Instant now) {
    DtlsSession* const session = find(link);
    if (session == nullptr) return;
    if (session->candidate) {
        const bool late = session->candidate->begun_at + limits_.dtls_handshake <= now;
        if (late || session->candidate->handle_timeout() == DtlsConnection::Handshake::Failed) {
            drop_candidate(*session);
            if (find(link) == nullptr) return;
        }
    }
    if (session->live && deadline_of(*session) <= now) {
        if (!session->spoken || !sink_.has_allocation(session->path.tuple)) {
            end(*session);
            return;
        }
        session->received_at = now;  // excused for another idle time
    }
    rearm(*session, now);
}

}  // namespace turnpike::net
