#include "turn/net/stream_sessions.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/base/assert.hpp"
#include "turn/net/descriptor_limit.hpp"
#include "turn/net/first_bytes.hpp"
#include "turn/net/proxy_header.hpp"
#include "turn/stun/stream_framer.hpp"

namespace turnpike::net {
namespace {

constexpr int kAcceptsPerWake = 64;
constexpr int kReadsPerWake = 4;             // of up to a slot each
constexpr Nanoseconds kAcceptPause = 250ms;  // out of descriptors
constexpr Seconds kCloseTimeout = 5s;        // for what is still queued
constexpr std::size_t kFirstFrameMax = 4096; // a stranger's: a request with every attribute fits
constexpr std::size_t kFrameMax = 20 + 0xFFFC;
static_assert(kFrameMax <= DatagramReader::kSlotBytes);
constexpr std::uint8_t kTlsHandshake = 0x16;  // the type of a TLS connection's first record
constexpr std::size_t kResponseReserve = 16 * 1024;

}  // namespace

StreamSessions::StreamSessions(const EventLoop& loop, DatagramReader& memory, StreamCensus& census,
                               HandshakeLimits& handshakes, const Limits& limits, const Clock& clock, ClientSink& sink,
                               Upstreams::Failed upstream_failed)
    : loop_(loop), memory_(memory), census_(census), handshakes_(handshakes), limits_(limits), clock_(clock), sink_(sink),
      upstreams_(loop, limits, clock, std::move(upstream_failed)) {}

StreamSessions::~StreamSessions() {
    for (const Slot& slot : slots_) {
        if (slot.session) slot.session->say_goodbye();
    }
}

// ---- accepting ----

void StreamSessions::listen(FileDescriptor fd, const StreamListener& listener) {
    auto listening = std::make_unique<Listening>();
    listening->owner = this;
    listening->event = Event::readable(loop_, fd.get(), &on_acceptable, listening.get());
    listening->fd = std::move(fd);
    listening->listener = listener;
    listening->event.start();
    listenings_.push_back(std::move(listening));
}

void StreamSessions::stop_listening() {
    for (const auto& listening : listenings_) listening->event = {};
    listenings_.clear();
}

void StreamSessions::on_acceptable(int, short, void* listening) {
    auto& l = *static_cast<Listening*>(listening);
    l.owner->accept(l);
}

void StreamSessions::accept(Listening& listening) {
    for (int i = 0; i < kAcceptsPerWake; ++i) {
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        FileDescriptor fd{::accept4(listening.fd.get(), reinterpret_cast<sockaddr*>(&name), &size,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (fd && !in_reserve(fd.get())) {
            admit(listening, std::move(fd), Endpoint::from(reinterpret_cast<const sockaddr&>(name)));
            continue;
        }
        if (fd || errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // The queue stays readable; without a pause the loop would spin on it.
            pause_accepting();
            return;
        }
        // A connection that was gone again before we took it; the next one may be good.
        if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
        return;
    }
}

void StreamSessions::pause_accepting() {
    for (const auto& listening : listenings_) listening->event.stop();
    accept_again_at_ = clock_.now() + kAcceptPause;
}

void StreamSessions::admit(Listening& listening, FileDescriptor fd, const Endpoint& client) {
    const StreamListener& listener = listening.listener;
    const Listener& settings = *listener.settings;
    // A proxy's connection counts for its client, who is not known yet.
    const bool proxied = settings.believes_proxy(client.address);
    std::optional<StreamCensus::Place> place;
    if (!proxied) {
        place = census_.enter(client.address);
        if (!place) {
            ++refused;
            return;
        }
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // Late media is worthless: the kernel holds no more unsent bytes than we would.
    const int unsent_max = static_cast<int>(std::min<std::size_t>(limits_.stream_queue_bytes_max, INT32_MAX));
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof unsent_max);

    core::Path path;
    path.tuple = {client, local_endpoint(fd.get()), settings.transport};
    path.listener = listener.index;
    auto session = std::make_unique<StreamSession>(
        std::move(fd), path, listener,
        proxied ? StreamSession::Stage::ProxyHeader : StreamSession::Stage::FirstByte, clock_.now());
    if (place) session->place = std::move(*place);
    put(std::move(session));
}

// ---- the table ----

std::uint64_t StreamSessions::put(std::unique_ptr<StreamSession> session) {
    if (free_slots_.empty()) {
        slots_.emplace_back();
        free_slots_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const std::uint32_t index = free_slots_.back();
    free_slots_.pop_back();
    Slot& slot = slots_[index];
    ++slot.generation;
    StreamSession& s = *session;
    s.path.link = (std::uint64_t{slot.generation} << 32) | index;
    slot.session = std::move(session);
    ++size_;
    watch(s);
    slot.deadline = wheel_.arm(next_check(s, clock_.now()), s.path.link);
    return s.path.link;
}

void StreamSessions::watch(StreamSession& session) {
    session.owner = this;
    session.readable = Event::readable(loop_, session.fd(), &on_readable, &session);
    session.writable = Event::writable(loop_, session.fd(), &on_writable, &session);
    session.readable.start();
    session.dirty = session.write_blocked = false;
    if (session.has_queued()) mark_dirty(session);
}

StreamSession* StreamSessions::find(std::uint64_t link) noexcept {
    const auto index = static_cast<std::uint32_t>(link);
    if (index >= slots_.size() || slots_[index].generation != link >> 32) return nullptr;
    return slots_[index].session.get();
}

std::uint64_t StreamSessions::find_link(const FiveTuple& tuple) const noexcept {
    for (const Slot& slot : slots_) {
        if (slot.session && slot.session->path.tuple == tuple) return slot.session->path.link;
    }
    return 0;
}

std::unique_ptr<StreamSession> StreamSessions::release(std::uint64_t link) {
    if (find(link) == nullptr) return {};
    const auto index = static_cast<std::uint32_t>(link);
    Slot& slot = slots_[index];
    auto session = std::move(slot.session);
    session->readable = {};
    session->writable = {};
    wheel_.cancel(slot.deadline);
    free_slots_.push_back(index);
    --size_;
    return session;
}

std::uint64_t StreamSessions::adopt(std::unique_ptr<StreamSession> session) {
    StreamSession& s = *session;
    const std::uint64_t link = put(std::move(session));
    s.readable.activate();
    return link;
}

void StreamSessions::close(StreamSession& session) {
    const core::Path path = session.path;
    if (session.stage == StreamSession::Stage::Handshake) ++handshakes_failed;
    session.say_goodbye();
    ended_.push_back(release(path.link));
    sink_.on_session_closed(path);
}

void StreamSessions::hold(std::uint64_t link) {
    StreamSession* const session = find(link);
    if (session == nullptr) return;
    session->held = true;
    session->readable.stop();
}

void StreamSessions::resume(std::uint64_t link) {
    StreamSession* const session = find(link);
    if (session == nullptr) return;
    session->held = false;
    session->readable.start();
    session->readable.activate();  // for what was read already
}

// ---- reading ----

void StreamSessions::on_readable(int, short, void* session) {
    auto& s = *static_cast<StreamSession*>(session);
    static_cast<StreamSessions*>(s.owner)->receive(s);
}

void StreamSessions::receive(StreamSession& session) {
    using Stage = StreamSession::Stage;
    if (session.stage == Stage::ProxyHeader && !take_proxy_header(session)) return;
    if (session.stage == Stage::FirstByte && !take_first_byte(session)) return;
    const std::uint64_t link = session.path.link;
    if (session.held) return;
    for (int i = 0; i < kReadsPerWake; ++i) {
        if (memory_.free_slots() == 0) sink_.make_room();
        const ByteSpan slot = memory_.take_slot();
        const std::size_t before = session.input.size();
        std::copy(session.input.begin(), session.input.end(), slot.begin());
        const StreamSession::Read got = session.read(slot.subspan(before));
        const Instant now = clock_.now();
        progress(session, now);

        ByteSpan bytes = slot.first(before + got.size);
        const std::size_t whole = bytes.size();
        if (got.size > 0) {
            session.received_at = now;
            if (session.stage == Stage::FirstFrame && !begins_turn(session, bytes)) return;
        }
        if (!bytes.empty()) {
            if (!take_frames(session, bytes)) {
                if (find(link) == &session) close(session);
                return;
            }
            if (find(link) != &session) return;  // its own frame ended it
        }
        if (before == 0 || bytes.size() < whole) session.partial_since = now;
        session.input.assign(bytes.begin(), bytes.end());
        if (session.held) return;
        if (got.ended) {
            close(session);
            return;
        }
        if (got.dry) {
            if (session.handshake_wants_write()) session.writable.start();
            return;
        }
    }
    if (session.has_pending()) session.readable.activate();
}

// The stages up to the first frame, each with its own deadline (T35).

// Reads to the header's end and no further: what follows may be TLS's.
bool StreamSessions::take_proxy_header(StreamSession& session) {
    Bytes& header = session.input;
    for (;;) {
        const auto size = ProxyHeader::measure(header);
        if (!size) {
            close(session);
            return false;
        }
        const std::size_t wanted = size->value_or(ProxyHeader::kFixedSize), have = header.size();
        if (*size && have == wanted) break;
        header.resize(wanted);
        const StreamSession::Read got = session.read(ByteSpan{header}.subspan(have));
        header.resize(have + got.size);
        if (got.ended) {
            close(session);
            return false;
        }
        if (got.size == 0) return false;
    }
    const auto parsed = ProxyHeader::parse(header, ProxyHeader::Carries::Stream);
    header.clear();
    if (!parsed) {
        close(session);
        return false;
    }
    if (parsed->addresses) {
        session.path.tuple.client = parsed->addresses->source;
        session.path.tuple.server = parsed->addresses->destination;
    }
    auto place = census_.enter(session.path.tuple.client.address);
    if (!place) {
        ++refused;
        close(session);
        return false;
    }
    session.place = std::move(*place);
    enter(session, StreamSession::Stage::FirstByte, clock_.now());
    return true;
}

// Plain or TLS. TLS costs nothing before its first byte, and what is none costs no handshake.
bool StreamSessions::take_first_byte(StreamSession& session) {
    const StreamSession::Peek peek = session.peek();
    if (!peek.first) {
        if (peek.ended) close(session);
        return false;
    }
    const StreamListener& listener = session.listener;
    const bool tls_only = listener.settings->transport == Transport::Tls;
    if (listener.tls == nullptr || (*peek.first != kTlsHandshake && !tls_only)) {
        session.path.tuple.transport = Transport::Tcp;
        enter(session, StreamSession::Stage::FirstFrame, clock_.now());
        return true;
    }
    if (*peek.first != kTlsHandshake) {
        ++handshakes_failed;
        close(session);
        return false;
    }
    auto ticket = handshakes_.begin(session.path.tuple.client.address, clock_.now());
    if (!ticket) {
        ++handshakes_refused;
        close(session);
        return false;
    }
    session.path.tuple.transport = Transport::Tls;
    enter(session, StreamSession::Stage::Handshake, clock_.now());
    if (!session.begin_tls(listener.tls->accept(), std::move(*ticket))) {
        close(session);
        return false;
    }
    return true;
}

void StreamSessions::progress(StreamSession& session, Instant now) {
    if (session.stage != StreamSession::Stage::Handshake || !session.handshaken()) return;
    ++handshakes_ok;
    session.end_handshake();
    enter(session, StreamSession::Stage::FirstFrame, now);
}

bool StreamSessions::begins_turn(StreamSession& session, ByteView bytes) {
    const auto& upstream = session.listener.settings->upstream;
    const std::string_view protocol = session.protocol();
    if (!upstream) return true;  // the framing judges it
    const bool http = protocol == "http/1.1";
    switch (classify_first_bytes(bytes)) {
        case FirstBytes::Turn:
            if (!http) return true;
            break;
        case FirstBytes::NeedMore: session.input.assign(bytes.begin(), bytes.end()); return false;
        case FirstBytes::Foreign:
            if (!http && !protocol.empty()) break;  // it said that it speaks TURN
            upstreams_.begin(*upstream, release(session.path.link), bytes);
            return false;
        case FirstBytes::Refused: break;
    }
    close(session);
    return false;
}

bool StreamSessions::take_frames(StreamSession& session, ByteSpan& bytes) {
    using Stage = StreamSession::Stage;
    const std::uint64_t link = session.path.link;
    while (!bytes.empty()) {
        if (session.stage == Stage::Closing) {
            bytes = {};
            return true;
        }
        const std::size_t frame_max = session.stage == Stage::FirstFrame ? kFirstFrameMax : kFrameMax;
        const auto frame = stun::next_frame(bytes, frame_max);
        if (!frame) return false;
        if (!*frame) return true;
        const ByteSpan message = bytes.first((*frame)->size);
        bytes = bytes.subspan((*frame)->consumed);
        if (session.stage == Stage::FirstFrame) enter(session, Stage::Open, clock_.now());
        sink_.on_frame(session.path, message);
        if (find(link) != &session || session.held) return true;
    }
    return true;
}

// ---- writing ----

void StreamSessions::send_media(std::uint64_t link, Outgoing frame) {
    StreamSession* const session = find(link);
    if (session == nullptr || session->stage == StreamSession::Stage::Closing) return;
    frame.padding += (4 - frame.size() % 4) % 4;
    if (!session->enqueue(frame, limits_.stream_queue_bytes_max)) {
        ++media_dropped;
        return;
    }
    mark_dirty(*session);
}

void StreamSessions::send_response(std::uint64_t link, ByteView message) {
    StreamSession* const session = find(link);
    if (session == nullptr || session->stage == StreamSession::Stage::Closing) return;
    if (!session->enqueue({.payload = message}, limits_.stream_queue_bytes_max + kResponseReserve)) {
        close(*session);
        return;
    }
    mark_dirty(*session);
}

void StreamSessions::close_after_flush(std::uint64_t link) {
    StreamSession* const session = find(link);
    if (session == nullptr) return;
    enter(*session, StreamSession::Stage::Closing, clock_.now());
    mark_dirty(*session);
}

void StreamSessions::mark_dirty(StreamSession& session) {
    if (session.dirty || session.write_blocked) return;
    session.dirty = true;
    dirty_.push_back(session.path.link);
}

void StreamSessions::flush() {
    // close() may make other sessions dirty by what the core decides.
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        if (StreamSession* const session = find(dirty_[i])) write(*session);
    }
    dirty_.clear();
    ended_.clear();
}

void StreamSessions::write(StreamSession& session) {
    session.dirty = false;
    switch (session.flush()) {
        case StreamSession::Flush::Done:
            if (session.stage == StreamSession::Stage::Closing) close(session);
            return;
        case StreamSession::Flush::Blocked:
            session.write_blocked = true;
            session.writable.start();
            return;
        case StreamSession::Flush::Broken: close(session); return;
    }
}

void StreamSessions::on_writable(int, short, void* session) {
    auto& s = *static_cast<StreamSession*>(session);
    auto& self = *static_cast<StreamSessions*>(s.owner);
    s.writable.stop();
    s.write_blocked = false;
    if (s.handshaken()) self.mark_dirty(s);
    else self.receive(s);
}

// ---- deadlines ----

void StreamSessions::enter(StreamSession& session, StreamSession::Stage stage, Instant now) {
    session.stage = stage;
    session.stage_since = now;
    Slot& slot = slots_[static_cast<std::uint32_t>(session.path.link)];
    slot.deadline = wheel_.rearm(slot.deadline, next_check(session, now), session.path.link);
}

Instant StreamSessions::deadline_of(const StreamSession& session) const noexcept {
    using Stage = StreamSession::Stage;
    switch (session.stage) {
        case Stage::ProxyHeader:
        case Stage::FirstByte: return session.stage_since + limits_.first_byte;
        case Stage::Handshake: return session.stage_since + limits_.handshake;
        case Stage::FirstFrame: return session.stage_since + limits_.first_frame;
        case Stage::Closing: return session.stage_since + kCloseTimeout;
        case Stage::Open: break;
    }
    const Instant idle = session.received_at + limits_.idle;
    return session.input.empty() ? idle : std::min(idle, session.partial_since + limits_.first_frame);
}

// A frame that begins, or a byte that comes, moves an open session's deadline without arming anew; so it is
// looked at again soon.
Instant StreamSessions::next_check(const StreamSession& session, Instant now) const noexcept {
    const Instant deadline = deadline_of(session);
    return session.stage == StreamSession::Stage::Open ? std::min(deadline, now + limits_.first_frame) : deadline;
}

void StreamSessions::advance(Instant now) {
    if (accept_again_at_ && now >= *accept_again_at_) {
        accept_again_at_.reset();
        for (const auto& listening : listenings_) listening->event.start();
    }
    wheel_.advance(now, [this, now](std::uint64_t link) { check_deadline(link, now); });
    upstreams_.advance(now);
}

void StreamSessions::check_deadline(std::uint64_t link, Instant now) {
    StreamSession* const session = find(link);
    if (session == nullptr) return;
    const bool open = session->stage == StreamSession::Stage::Open;
    if (deadline_of(*session) <= now) {
        if (!open || !session->input.empty() || !sink_.has_allocation(session->path.tuple)) {
            close(*session);
            return;
        }
        session->received_at = now;  // excused for another idle time
    }
    slots_[static_cast<std::uint32_t>(link)].deadline = wheel_.arm(next_check(*session, now), link);
}

}  // namespace turnpike::net
