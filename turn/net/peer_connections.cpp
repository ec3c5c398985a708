#include "turn/net/peer_connections.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "turn/net/tcp_relays.hpp"

namespace turnpike::net {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kRoundsPerWake = 8;          // of one connection, before the others get their turn
constexpr Nanoseconds kPauseStep = 20ms;   // how often a connection at its bandwidth's limit tries again

bool would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

void want(Event& event, bool wanted) noexcept {
    if (wanted) event.start();
    else event.stop();
}

core::ConnectError connect_error(int error) noexcept {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return core::ConnectError::NoDescriptors;
        default: return core::ConnectError::Failed;
    }
}

}  // namespace

PeerConnections::PeerConnections(const EventLoop& loop, Sink& sink)
    : loop_(loop), sink_(sink),
      timer_(Event::timer(loop, &call<&PeerConnections::on_timer, PeerConnections>, this)) {}

PeerConnections::~PeerConnections() {
    for (const auto& [id, connection] : by_id_) {
        if (connection->client) connection->client->say_goodbye();
    }
}

// ---- beginning ----

std::expected<void, core::ConnectError> PeerConnections::connect(core::ConnectionId id, const Endpoint& relayed,
                                                                 const Endpoint& peer) {
    auto fd = connect_from(relayed, peer);
    if (!fd) return std::unexpected{connect_error(fd.error())};
    PeerConnection& connection = put(id, std::move(*fd));
    connection.stage = PeerConnection::Stage::Connecting;
    connection.writable.start();
    return {};
}

void PeerConnections::accepted(core::ConnectionId id, FileDescriptor fd) { put(id, std::move(fd)); }

PeerConnection& PeerConnections::put(core::ConnectionId id, FileDescriptor fd) {
    auto connection = std::make_unique<PeerConnection>();
    connection->id = id;
    connection->fd = std::move(fd);
    connection->owner = this;
    connection->readable = Event::readable(loop_, connection->fd.get(), &on_peer_event, connection.get());
    connection->writable = Event::writable(loop_, connection->fd.get(), &on_peer_event, connection.get());
    return *by_id_.insert_or_assign(id.value, std::move(connection)).first->second;
}

PeerConnection* PeerConnections::find(core::ConnectionId id) noexcept {
    const auto found = by_id_.find(id.value);
    return found == by_id_.end() ? nullptr : found->second.get();
}

void PeerConnections::on_peer_event(int, short, void* connection) {
    auto& c = *static_cast<PeerConnection*>(connection);
    auto& self = *static_cast<PeerConnections*>(c.owner);
    if (c.stage == PeerConnection::Stage::Connecting) self.connecting(c);
    else self.relay(c);
}

void PeerConnections::on_client_event(int, short, void* connection) {
    auto& c = *static_cast<PeerConnection*>(connection);
    static_cast<PeerConnections*>(c.owner)->relay(c);
}

void PeerConnections::connecting(PeerConnection& connection) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    const core::ConnectionId id = connection.id;
    connection.writable.stop();
    if (error != 0) {
        retire(connection);
        sink_.on_peer_connected(id, std::unexpected{connect_error(error)});
        return;
    }
    connection.stage = PeerConnection::Stage::Waiting;
    sink_.on_peer_connected(id, {});
}

void PeerConnections::bind(core::ConnectionId id, std::unique_ptr<StreamSession> client) {
    PeerConnection* const connection = find(id);
    if (connection == nullptr) {
        client->say_goodbye();
        return;
    }
    connection->stage = PeerConnection::Stage::Bound;
    connection->client = std::move(client);
    StreamSession& session = *connection->client;
    session.readable = Event::readable(loop_, session.fd(), &on_client_event, connection);
    session.writable = Event::writable(loop_, session.fd(), &on_client_event, connection);
    if (!session.input.empty()) {
        sink_.relayed(id, core::Direction::ToPeer, session.input.size());
        connection->unsent = std::exchange(session.input, {});
    }
    relay(*connection);
}

// ---- relaying ----

void PeerConnections::relay(PeerConnection& connection) {
    if (connection.stage != PeerConnection::Stage::Bound) return;
    for (int i = 0; i < kRoundsPerWake; ++i) {
        const bool up = relay_to_peer(connection);
        const bool down = relay_to_client(connection);
        if (!up && !down) break;
    }
    const PeerConnection& c = connection;
    const bool up_over = c.peer_lost || (c.client_ended && c.peer_told);
    const bool down_over = c.client_lost || (c.peer_ended && c.client_told);
    if ((up_over && down_over) || (c.client_lost && c.unsent.empty())) {
        const core::ConnectionId id = c.id;
        retire(connection);
        sink_.on_peer_closed(id);
        return;
    }
    watch(connection);
}

// One read's worth from the client to the peer; whether there may be more to do.
bool PeerConnections::relay_to_peer(PeerConnection& c) {
    if (!c.unsent.empty() && !c.peer_lost) {
        const Bytes waiting = std::exchange(c.unsent, {});
        send_to_peer(c, waiting);
    }
    if (!c.unsent.empty() || c.peer_lost || c.client_lost) return false;
    if (c.client_ended) {
        if (!std::exchange(c.peer_told, true)) ::shutdown(c.fd.get(), SHUT_WR);
        return false;
    }
    const std::size_t size = room(c);
    if (size == 0) return false;
    const ByteSpan space{space_.get(), size};
    const StreamSession::Read got = c.client->read(space);
    if (got.size > 0) {
        sink_.relayed(c.id, core::Direction::ToPeer, got.size);
        send_to_peer(c, space.first(got.size));
    }
    c.client_ended = got.ended;
    return got.ended || (got.size > 0 && !got.dry);
}

void PeerConnections::send_to_peer(PeerConnection& c, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(c.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if (would_block(errno)) {
            c.unsent.assign(bytes.begin(), bytes.end());
            return;
        } else if (errno != EINTR) {
            c.peer_lost = true;  // what it sent before can still be read
            return;
        }
    }
}

bool PeerConnections::relay_to_client(PeerConnection& c) {
    if (c.client_lost) return false;
    switch (c.client->flush()) {
        case StreamSession::Flush::Done: break;
        case StreamSession::Flush::Blocked: return false;
        case StreamSession::Flush::Broken: c.client_lost = true; return false;
    }
    if (c.peer_ended) {
        if (!std::exchange(c.client_told, true)) c.client->say_goodbye();
        return false;
    }
    const std::size_t size = room(c);
    if (size == 0) return false;
    const ssize_t got = ::recv(c.fd.get(), space_.get(), size, 0);
    if (got > 0) {
        const ByteView bytes{space_.get(), static_cast<std::size_t>(got)};
        sink_.relayed(c.id, core::Direction::ToClient, bytes.size());
        c.client->enqueue({.payload = bytes}, bytes.size());  // nothing else waits
        return true;
    }
    if (got < 0 && errno == EINTR) return true;
    if (got < 0 && would_block(errno)) return false;
    c.peer_ended = true;
    c.peer_lost = c.peer_lost || got < 0;
    return true;
}

// How much may be read now. None: the bandwidth is used up, and a later round tries again.
std::size_t PeerConnections::room(PeerConnection& c) {
    if (c.paused) return 0;
    if (!space_) space_ = std::make_unique_for_overwrite<std::uint8_t[]>(kReadBytes);
    const std::size_t size = sink_.relayable(c.id, kReadBytes);
    if (size > 0) return size;
    c.paused = true;
    if (paused_.empty()) timer_.start(kPauseStep);
    paused_.push_back(c.id);
    return 0;
}

void PeerConnections::on_timer() {
    for (const core::ConnectionId id : std::exchange(paused_, {})) {
        PeerConnection* const connection = find(id);
        if (connection == nullptr) continue;
        connection->paused = false;
        relay(*connection);
    }
}

// Readiness is level-triggered: only what would be acted on is asked for.
void PeerConnections::watch(PeerConnection& c) {
    StreamSession& client = *c.client;
    const bool from_client = !c.client_ended && c.unsent.empty() && !c.paused && !c.peer_lost && !c.client_lost;
    want(client.readable, from_client);
    want(client.writable, client.has_queued() && !c.client_lost);
    want(c.readable, !c.peer_ended && !client.has_queued() && !c.paused && !c.client_lost);
    want(c.writable, !c.unsent.empty() && !c.peer_lost);
    if (from_client && client.has_pending()) client.readable.activate();  // inside TLS: no event tells
}

// ---- end ----

void PeerConnections::close(core::ConnectionId id) {
    if (PeerConnection* const connection = find(id)) retire(*connection);
}

void PeerConnections::retire(PeerConnection& connection) {
    connection.readable = {};
    connection.writable = {};
    if (connection.client) {
        connection.client->readable = {};
        connection.client->writable = {};
        if (!connection.client_told) connection.client->say_goodbye();
    }
    ended_.push_back(std::move(by_id_.extract(connection.id.value).mapped()));
}

}  // namespace turnpike::net
