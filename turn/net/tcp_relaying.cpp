#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "turn/net/descriptor_limit.hpp"
#include "turn/net/worker.hpp"

// A worker's part in RFC 6062: peers connect to relayed addresses, connections go out from there, and clients'
// data connections find their peers.
//
// A data connection arrives as any TCP or TLS client does, at whichever worker the kernel steers it to. Its
// ConnectionBind names the worker that has the peer's connection; if that is another, the session is
// taken out with whatever was read behind the request, sent there as a letter, and the request is
// answered there. Once bound, the session belongs to PeerConnections and is no stream of messages any
// more. Both steps wait for the end of the round: the session is still reading when the core decides.

namespace turnpike::net {

namespace {

constexpr int kAcceptsPerWake = 16;

}  // namespace

// ---- peers ----

void Worker::on_peer_acceptable(int, short, void* relay) {
    auto& r = *static_cast<TcpRelay*>(relay);
    static_cast<Worker*>(r.owner)->accept_peers(r.id);
}

void Worker::accept_peers(core::RelayId id) {
    for (int i = 0; i < kAcceptsPerWake; ++i) {
        TcpRelay* const relay = tcp_relays_.find(id);
        if (relay == nullptr) return;  // what an accepted connection led to has ended it
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        FileDescriptor fd{::accept4(relay->fd.get(), reinterpret_cast<sockaddr*>(&name), &size,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (!fd) {
            if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO) continue;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) tcp_relays_.pause(*relay);
            return;
        }
        const Endpoint peer = Endpoint::from(reinterpret_cast<const sockaddr&>(name));
        const auto connection = in_reserve(fd.get())
                                    ? std::nullopt
                                    : server_.peer_connected(id, peer, node_.clock.now(), outbox_);
        if (connection) connections_.accepted(*connection, std::move(fd));
        else refuse_connection(std::move(fd));
        run_outbox();
    }
}

void Worker::connect_to_peer(const core::OpenConnection& request) {
    TcpRelay* const relay = tcp_relays_.find(request.relay);
    const auto begun = relay != nullptr ? connections_.connect(request.id, relay->local, request.peer)
                                        : std::unexpected{core::ConnectError::Failed};
    if (!begun) server_.connection_opened(request.id, std::unexpected{begun.error()}, node_.clock.now(), outbox_);
}

void Worker::on_peer_connected(core::ConnectionId id, std::expected<void, core::ConnectError> opened) {
    server_.connection_opened(id, opened, node_.clock.now(), outbox_);
    run_outbox();
}

void Worker::on_peer_closed(core::ConnectionId id) { server_.connection_closed(id); }

std::size_t Worker::relayable(core::ConnectionId id, std::size_t at_most) noexcept {
    return server_.relayable(id, at_most, node_.clock.now());
}

void Worker::relayed(core::ConnectionId id, core::Direction direction, std::size_t size) noexcept {
    server_.relayed(id, direction, size, node_.clock.now());
}

// ---- data connections ----

void Worker::leave_streams(const core::Path& path, std::optional<core::ConnectionId> bound, unsigned worker,
                           ByteView request) {
    streams_.hold(path.link);
    leaving_.push_back({path.link, bound, worker, {request.begin(), request.end()}});
}

void Worker::settle_leaving() {
    for (Leaving& leaving : std::exchange(leaving_, {})) {
        auto session = streams_.release(leaving.link);
        if (leaving.bound) {
            if (session) {
                connections_.bind(*leaving.bound, std::move(session));
            } else {  // it broke while the answer was written
                connections_.close(*leaving.bound);
                server_.connection_closed(*leaving.bound);
            }
        } else if (session) {
            Worker& to = *node_.workers[leaving.worker];
            to.post([&to, s = std::move(session), request = std::move(leaving.request)]() mutable {
                to.take_in(std::move(s), request);
            });
        }
    }
}

void Worker::take_in(std::unique_ptr<StreamSession> session, ByteView request) {
    core::Path path = session->path;
    path.link = streams_.adopt(std::move(session));
    on_client_message(path, request, {}, 0, node_.clock.now());
    const bool left = std::ranges::any_of(leaving_, [&](const Leaving& one) { return one.link == path.link; });
    if (!left) streams_.resume(path.link);  // refused: it may ask again
}

}  // namespace turnpike::net
