#include "turn/net/upstreams.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "turn/net/worker_pool.hpp"

namespace turnpike::net {
namespace {

constexpr int kRoundsPerWake = 8;  // of up to kBufferBytes each way, before others get their turn

}  // namespace

struct Upstreams::Splice {
    Upstreams* owner = nullptr;
    std::size_t place = 0;
    Endpoint upstream;
    std::unique_ptr<StreamSession> client;
    FileDescriptor fd;        // to the upstream
    Bytes to_upstream;
    std::size_t written = 0;  // of to_upstream
    bool connected = false;
    bool client_ended = false, upstream_ended = false;     // nothing more comes from there
    bool upstream_closed = false, client_closed = false;   // and that was passed on to the other side
    bool broken = false;
    Instant moved_at{};       // the last byte either way
    Event client_readable, client_writable, readable, writable;

    std::size_t waiting() const noexcept { return to_upstream.size() - written; }
};

Upstreams::Upstreams(const EventLoop& loop, const Limits& limits, const Clock& clock, Failed on_failed)
    : loop_(loop), limits_(limits), clock_(clock), on_failed_(std::move(on_failed)) {}

Upstreams::~Upstreams() {
    for (const auto& splice : splices_) splice->client->say_goodbye();
}

void Upstreams::begin(const Endpoint& upstream, std::unique_ptr<StreamSession> client, ByteView already) {
    auto splice = std::make_unique<Splice>();
    Splice& s = *splice;
    s.owner = this;
    s.place = splices_.size();
    s.upstream = upstream;
    s.client = std::move(client);
    s.client->input.clear();
    s.to_upstream.assign(already.begin(), already.end());
    s.moved_at = clock_.now();
    s.fd = FileDescriptor{::socket(upstream.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    splices_.push_back(std::move(splice));
    if (!s.fd) {
        give_up(s, errno);
        return;
    }
    const int on = 1;
    ::setsockopt(s.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_storage name{};
    const socklen_t size = upstream.to(name);
    if (::connect(s.fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0 && errno != EINPROGRESS) {
        give_up(s, errno);
        return;
    }
    s.client_readable = Event::readable(loop_, s.client->fd(), &on_ready, &s);
    s.client_writable = Event::writable(loop_, s.client->fd(), &on_ready, &s);
    s.readable = Event::readable(loop_, s.fd.get(), &on_ready, &s);
    s.writable = Event::writable(loop_, s.fd.get(), &on_ready, &s);
    s.writable.start();
}

void Upstreams::on_ready(int, short, void* splice) {
    auto& s = *static_cast<Splice*>(splice);
    s.owner->pump(s);
}

bool Upstreams::finish_connect(Splice& s) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(s.fd.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
        s.connected = true;
        ++opened;
        return true;
    }
    int error = 0;
    size = sizeof error;
    ::getsockopt(s.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) give_up(s, error);
    return false;
}

// Each of these moves what can be moved now, and says whether that was anything.

bool Upstreams::client_to_upstream(Splice& s) {
    if (s.client_ended || s.waiting() >= kBufferBytes) return false;
    std::array<std::uint8_t, kBufferBytes> space;
    const StreamSession::Read got = s.client->read(ByteSpan{space}.first(kBufferBytes - s.waiting()));
    if (s.written > 0) {
        s.to_upstream.erase(s.to_upstream.begin(), s.to_upstream.begin() + static_cast<std::ptrdiff_t>(s.written));
        s.written = 0;
    }
    s.to_upstream.insert(s.to_upstream.end(), space.begin(), space.begin() + static_cast<std::ptrdiff_t>(got.size));
    s.client_ended = got.ended;
    s.broken = s.broken || got.broken;
    return got.size > 0 || got.ended;
}

bool Upstreams::write_upstream(Splice& s) {
    bool moved = false;
    while (s.waiting() > 0) {
        const ssize_t sent = ::send(s.fd.get(), s.to_upstream.data() + s.written, s.waiting(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) {
            s.broken = s.broken || (errno != EAGAIN && errno != EWOULDBLOCK);
            return moved;
        }
        s.written += static_cast<std::size_t>(sent);
        moved = true;
    }
    if (s.client_ended && !s.upstream_closed) {
        ::shutdown(s.fd.get(), SHUT_WR);
        s.upstream_closed = moved = true;
    }
    return moved;
}

bool Upstreams::upstream_to_client(Splice& s) {
    if (s.upstream_ended || s.client->queued() >= kBufferBytes) return false;
    std::array<std::uint8_t, kBufferBytes> space;
    const ssize_t got = ::recv(s.fd.get(), space.data(), kBufferBytes - s.client->queued(), 0);
    if (got < 0) {
        s.broken = s.broken || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
        return false;
    }
    s.upstream_ended = got == 0;
    s.client->enqueue({.payload = ByteView{space}.first(static_cast<std::size_t>(got))}, kBufferBytes);
    return true;
}

bool Upstreams::write_client(Splice& s) {
    const std::size_t before = s.client->queued();
    if (before > 0 && s.client->flush() == StreamSession::Flush::Broken) s.broken = true;
    const bool moved = s.client->queued() < before;
    if (s.broken || s.client->has_queued() || !s.upstream_ended || s.client_closed) return moved;
    s.client->say_goodbye();
    s.client_closed = true;
    return true;
}

void Upstreams::pump(Splice& s) {
    if (!s.connected && !finish_connect(s)) return;
    const Instant now = clock_.now();
    bool moved = true;
    for (int round = 0; moved && round < kRoundsPerWake; ++round) {
        moved = client_to_upstream(s);
        moved = write_upstream(s) || moved;
        moved = upstream_to_client(s) || moved;
        moved = write_client(s) || moved;
        if (moved) s.moved_at = now;
        if (s.broken || (s.upstream_closed && s.client_closed)) {
            end(s);
            return;
        }
    }
    const auto watch = [](Event& event, bool wanted) {
        if (wanted) event.start();
        else event.stop();
    };
    watch(s.client_readable, !s.client_ended && s.waiting() < kBufferBytes);
    watch(s.client_writable, s.client->has_queued());
    watch(s.readable, !s.upstream_ended && s.client->queued() < kBufferBytes);
    watch(s.writable, s.waiting() > 0);
    // What TLS has read off the socket already, no event will tell of.
    if (moved || (s.client->has_pending() && s.waiting() < kBufferBytes && !s.client_ended)) s.client_readable.activate();
}

void Upstreams::give_up(Splice& s, int error) {
    ++failed;
    if (on_failed_) on_failed_(s.upstream, error);
    end(s);
}

void Upstreams::end(Splice& s) {
    if (!s.client_closed) s.client->say_goodbye();
    const std::size_t place = s.place;
    if (place + 1 != splices_.size()) {
        std::swap(splices_[place], splices_.back());
        splices_[place]->place = place;
    }
    splices_.pop_back();
}

void Upstreams::advance(Instant now) {
    for (std::size_t i = splices_.size(); i-- > 0;) {
        Splice& s = *splices_[i];
        if (!s.connected) {
            if (s.moved_at + kConnectTimeout <= now) give_up(s, ETIMEDOUT);
        } else if (s.moved_at + limits_.idle <= now) {
            end(s);
        }
    }
}

}  // namespace turnpike::net
