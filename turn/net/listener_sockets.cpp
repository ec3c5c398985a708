#include "turn/net/listener_sockets.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace turnpike::net {
namespace {

constexpr int kBacklog = 4096;     // the kernel caps it at net.core.somaxconn
constexpr int kPortAttempts = 16;  // port 0: somebody may take what we were given

StartError cannot_listen(const Listener& listener, int error) {
    const std::string start = "cannot listen on " + listener.transports() + " " +
                              listener.address.to_string() + ": ";
    switch (error) {
        case EADDRINUSE:
            return {start + "address already in use; stop the other server or change [[listen]] address"};
        case EACCES:
        case EPERM:
            return {start + "not permitted; use a port of 1024 or above, or grant CAP_NET_BIND_SERVICE"};
        case EADDRNOTAVAIL:
            return {start + "this machine has no such address; change [[listen]] address (0.0.0.0 or [::] takes all)"};
        case EAFNOSUPPORT:
            return {start + "this machine has no " + (listener.address.address.is_v4() ? "IPv4" : "IPv6") +
                    "; remove this [[listen]]"};
        case EMFILE:
        case ENFILE: return {start + "too many open files; raise the limit (ulimit -n, LimitNOFILE=)"};
        default: return {start + std::strerror(error)};
    }
}

std::expected<FileDescriptor, int> open_stream(const Endpoint& local, bool reuse_port) {
    FileDescriptor fd{::socket(local.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) return std::unexpected{errno};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!local.address.is_v4()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        return std::unexpected{errno};
    }
    sockaddr_storage name{};
    const socklen_t size = local.to(name);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return std::unexpected{errno};
    return fd;
}

// The address with its port, when nobody has it. For port 0, one that the kernel finds free.
std::expected<Endpoint, int> claim(const Listener& listener) {
    if (!listener.stream()) {
        const auto probe = open_udp(listener.address, {});
        if (!probe) return std::unexpected{probe.error()};
        return probe->local;
    }
    const auto probe = open_stream(listener.address, false);
    if (!probe) return std::unexpected{probe.error()};
    return local_endpoint(probe->get());
}

std::expected<ListenerSockets, int> open_group(const Listener& listener, const Endpoint& at, const Steering& steering,
                                               const Limits& limits) {
    ListenerSockets sockets;
    sockets.bound = at;
    for (unsigned worker = 0; worker < steering.workers(); ++worker) {
        if (!listener.stream()) {
            auto socket = open_udp(at, {.reuse_port = true, .together = true, .buffer_bytes = limits.socket_buffer_bytes});
            if (!socket) return std::unexpected{socket.error()};
            sockets.udp.push_back(std::move(*socket));
        } else {
            auto fd = open_stream(at, true);
            if (!fd) return std::unexpected{fd.error()};
            if (::listen(fd->get(), kBacklog) != 0) return std::unexpected{errno};
            sockets.stream.push_back(std::move(*fd));
        }
    }
    // A kernel that refuses the program steers by its own hash; workers hand over what is another's then.
    if (steering.workers() > 1) {
        const int first = sockets.udp.empty() ? sockets.stream.front().get() : sockets.udp.front().fd.get();
        (void)steering.attach(first);
    }
    return sockets;
}

}  // namespace

std::expected<ListenerSockets, StartError> open_listener(const Listener& listener, const Steering& steering,
                                                         const Limits& limits) {
    int error = 0;
    for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
        const auto at = claim(listener);
        if (!at) return std::unexpected{cannot_listen(listener, at.error())};
        auto group = open_group(listener, *at, steering, limits);
        if (group) return std::move(*group);
        error = group.error();
        if (listener.address.port != 0 || error != EADDRINUSE) break;
    }
    return std::unexpected{cannot_listen(listener, error)};
}

std::expected<void, StartError> check_relay_address(const IpAddress& address) {
    if (address.is_unspecified()) {
        return std::unexpected{StartError{"cannot relay on " + address.to_string() +
                                          ": a relayed address must be one address of this machine; change [relay] address"}};
    }
    const auto probe = open_udp({address, 0}, {});
    if (probe) return {};
    const std::string why = probe.error() == EADDRNOTAVAIL ? "this machine has no such address" : std::strerror(probe.error());
    return std::unexpected{StartError{"cannot relay on " + address.to_string() + ": " + why +
                                      "; change [relay] address (an address behind NAT goes to external_ip)"}};
}

}  // namespace turnpike::net
