#include "turn/net/udp_socket.hpp"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>

namespace turnpike::net {
namespace {

// Without DF. On IPv4 that is OMIT, not DONT: with DONT the kernel keeps "fragmentation needed" from the
// error queue, and believes whoever sends one. On IPv6 it is DONT: OMIT would keep "packet too big" from it.
constexpr int kNoDf4 = IP_PMTUDISC_OMIT, kNoDf6 = IPV6_PMTUDISC_DONT;
// With DF, whatever path MTU is known: the client is the one who finds it out (RFC 8656 §15).
constexpr int kDf4 = IP_PMTUDISC_PROBE, kDf6 = IPV6_PMTUDISC_PROBE;

bool set(int fd, int level, int name, int value) noexcept {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void set_buffers(int fd, int bytes) noexcept {
    if (bytes <= 0) return;
    // FORCE passes net.core.rmem_max with CAP_NET_ADMIN; without it the plain one takes what it gets.
    if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
    if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

bool configure(const UdpSocket& socket, const UdpOptions& options) noexcept {
    const int fd = socket.fd.get();
    bool ok = true;
    if (socket.local.address.is_v4()) {
        ok = set(fd, IPPROTO_IP, IP_RECVTTL, 1) && set(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
             set(fd, IPPROTO_IP, IP_MTU_DISCOVER, kNoDf4);
        if (options.errors) ok = ok && set(fd, IPPROTO_IP, IP_RECVERR, 1);
        if (socket.wildcard()) ok = ok && set(fd, IPPROTO_IP, IP_PKTINFO, 1);
        if (options.addressed) ok = ok && set(fd, IPPROTO_IP, IP_RECVORIGDSTADDR, 1) && set(fd, IPPROTO_IP, IP_FREEBIND, 1);
    } else {
        ok = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
             set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) &&
             set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, kNoDf6);
        if (options.errors) ok = ok && set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
        if (socket.wildcard()) ok = ok && set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        if (options.addressed) {
            ok = ok && set(fd, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, 1) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
        }
    }
    if (options.deaf) {
        const sock_filter drop{BPF_RET | BPF_K, 0, 0, 0};
        const sock_fprog nothing{1, const_cast<sock_filter*>(&drop)};
        ok = ok && ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &nothing, sizeof nothing) == 0;
    }
    if (options.reuse_port) ok = ok && set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (options.together) set(fd, SOL_UDP, UDP_GRO, 1);
    set_buffers(fd, options.buffer_bytes);
    return ok;
}

}  // namespace

std::expected<UdpSocket, int> open_udp(const Endpoint& local, const UdpOptions& options) {
    UdpSocket socket;
    socket.local = local;
    const int family = local.address.is_v4() ? AF_INET : AF_INET6;
    socket.fd = FileDescriptor{::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket.fd || !configure(socket, options)) return std::unexpected{errno};
    sockaddr_storage name{};
    const socklen_t size = local.to(name);
    if (::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) return std::unexpected{errno};
    socket.local = local_endpoint(socket.fd.get());
    return socket;
}

void hear(const UdpSocket& socket) noexcept { set(socket.fd.get(), SOL_SOCKET, SO_DETACH_FILTER, 0); }

void set_dont_fragment(const UdpSocket& socket, bool on) noexcept {
    const int fd = socket.fd.get();
    if (socket.local.address.is_v4()) {
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, on ? kDf4 : kNoDf4);
    } else {
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, on ? kDf6 : kNoDf6);
        set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, on ? 1 : 0);
    }
}

Endpoint local_endpoint(int fd) noexcept {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
    return Endpoint::from(reinterpret_cast<const sockaddr&>(name));
}

}  // namespace turnpike::net
