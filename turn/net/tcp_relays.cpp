#include "turn/net/tcp_relays.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "turn/net/descriptor_limit.hpp"
#include "turn/net/open_error.hpp"

namespace turnpike::net {
namespace {

constexpr int kBindAttempts = 64;  // how often a port that another process holds makes us draw again
constexpr int kBacklog = 64;

bool set(int fd, int level, int name) noexcept {
    const int on = 1;
    return ::setsockopt(fd, level, name, &on, sizeof on) == 0;
}

std::expected<FileDescriptor, int> open_stream(const IpAddress& local) {
    FileDescriptor fd{::socket(local.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    // Connections that ended a moment ago do not keep the port from its next owner.
    if (!fd || !set(fd.get(), SOL_SOCKET, SO_REUSEADDR)) return std::unexpected{errno};
    if (!local.is_v4() && !set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY)) return std::unexpected{errno};
    return fd;
}

int bind_to(int fd, const Endpoint& local) noexcept {
    sockaddr_storage name{};
    const socklen_t size = local.to(name);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&name), size);
}

std::expected<FileDescriptor, int> listen_on(const Endpoint& local) {
    auto fd = open_stream(local.address);
    if (!fd) return fd;
    if (bind_to(fd->get(), local) != 0 || !set(fd->get(), SOL_SOCKET, SO_REUSEPORT) ||
        ::listen(fd->get(), kBacklog) != 0) {
        return std::unexpected{errno};
    }
    return fd;
}

}  // namespace

TcpRelays::TcpRelays(const EventLoop& loop, RelayPorts& ports, core::RelayDirectory& directory, Random& random,
                     Event::Callback acceptable, void* owner)
    : loop_(loop), ports_(ports), directory_(directory), random_(random), acceptable_(acceptable), owner_(owner) {}

TcpRelays::~TcpRelays() {
    for (const auto& [slot, relay] : by_slot_) directory_.set_ended(relay->local);
}

std::expected<Endpoint, core::OpenError> TcpRelays::open(const core::OpenRelay& request, Instant now) {
    auto relay = listen(request, now);
    if (!relay) return std::unexpected{relay.error()};
    (*relay)->id = request.relay;
    const Endpoint local = (*relay)->local;
    put(std::move(*relay));
    directory_.set_live(local, {}, core::RelayProtocol::Tcp);
    return local;
}

std::expected<std::unique_ptr<TcpRelay>, core::OpenError> TcpRelays::listen(const core::OpenRelay& request,
                                                                            Instant now) {
    // A port that is ours by now becomes a listening socket, or the errno says why not.
    const auto try_port = [&](const Endpoint& local) -> std::expected<std::unique_ptr<TcpRelay>, int> {
        auto fd = listen_on(local);
        if (fd && in_reserve(fd->get())) fd = std::unexpected{EMFILE};
        if (!fd) {
            ports_.release(local, now);
            return std::unexpected{fd.error()};
        }
        auto relay = std::make_unique<TcpRelay>();
        relay->fd = std::move(*fd);
        relay->local = local;
        return relay;
    };

    if (request.exact) {
        if (!ports_.claim(*request.exact)) return std::unexpected{core::OpenError::Refused};
        auto relay = try_port(*request.exact);
        if (!relay) return std::unexpected{open_error(relay.error())};
        return std::move(*relay);
    }
    const auto& addresses = ports_.addresses();
    const auto count = static_cast<std::uint32_t>(addresses.size());
    const std::uint32_t start = count > 0 ? random_.below(count) : 0;
    core::OpenError why = core::OpenError::AddressGone;
    int attempts = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t index = (start + i) % count;
        if (addresses[index].family() != request.family) continue;
        why = core::OpenError::NoPorts;
        while (attempts++ < kBindAttempts) {
            const auto port = ports_.draw(index, now, random_);
            if (!port) break;
            auto relay = try_port({addresses[index], *port});
            if (relay) return std::move(*relay);
            why = open_error(relay.error());
            if (relay.error() == EADDRNOTAVAIL) break;
            if (relay.error() != EADDRINUSE && relay.error() != EACCES) return std::unexpected{why};
        }
    }
    return std::unexpected{why};
}

void TcpRelays::close(core::RelayId id, Instant now) {
    if (auto relay = release(id)) end(std::move(relay), now);
}

void TcpRelays::end(std::unique_ptr<TcpRelay> relay, Instant now) {
    directory_.set_ended(relay->local);
    relay->fd.reset();
    ports_.release(relay->local, now);
}

TcpRelay* TcpRelays::find(core::RelayId id) noexcept {
    const auto found = by_slot_.find(id.slot);
    return found == by_slot_.end() || found->second->id != id ? nullptr : found->second.get();
}

void TcpRelays::pause(TcpRelay& relay) noexcept {
    relay.event.stop();
    paused_ = true;
}

void TcpRelays::accept_again() noexcept {
    if (!std::exchange(paused_, false)) return;
    for (const auto& [slot, relay] : by_slot_) relay->event.start();
}

std::unique_ptr<TcpRelay> TcpRelays::release(core::RelayId id) noexcept {
    if (find(id) == nullptr) return {};
    auto relay = std::move(by_slot_.extract(id.slot).mapped());
    relay->event = {};
    return relay;
}

void TcpRelays::adopt(std::unique_ptr<TcpRelay> relay, core::RelayId id) {
    relay->id = id;
    put(std::move(relay));
}

void TcpRelays::put(std::unique_ptr<TcpRelay> relay) {
    relay->owner = owner_;
    relay->event = Event::readable(loop_, relay->fd.get(), acceptable_, relay.get());
    relay->event.start();
    const std::uint32_t slot = relay->id.slot;
    by_slot_.insert_or_assign(slot, std::move(relay));
}

std::expected<FileDescriptor, int> connect_from(const Endpoint& relayed, const Endpoint& peer) {
    auto fd = open_stream(relayed.address);
    if (!fd) return fd;
    if (in_reserve(fd->get())) return std::unexpected{EMFILE};
    // The relayed address is bound already: by its listening socket, and by connections to other peers.
    if (!set(fd->get(), SOL_SOCKET, SO_REUSEPORT) || bind_to(fd->get(), relayed) != 0) return std::unexpected{errno};
    set(fd->get(), IPPROTO_TCP, TCP_NODELAY);
    sockaddr_storage name{};
    const socklen_t size = peer.to(name);
    const int begun = ::connect(fd->get(), reinterpret_cast<const sockaddr*>(&name), size);
    if (begun != 0 && errno != EINPROGRESS) return std::unexpected{errno};
    return fd;
}

void refuse_connection(FileDescriptor fd) noexcept {
    const linger at_once{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace turnpike::net
