#include "turn/net/port_probe.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace turnpike::net {
namespace {

std::expected<UdpSocket, int> bind_plain(const Endpoint& local) {
    UdpSocket socket;
    const bool v4 = local.address.is_v4();
    socket.fd = FileDescriptor{
        ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!socket.fd) return std::unexpected{errno};
    const int on = 1;
    if (!v4 && ::setsockopt(socket.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        return std::unexpected{errno};
    }
    sockaddr_storage name{};
    const socklen_t size = local.to(name);
    if (::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) {
        return std::unexpected{errno};
    }
    socket.local = local;
    return socket;
}

// Whether what is sent to the socket's own address reaches it. The kernel delivers to itself at
// once, as a rule; a port is not worth waiting for.
bool hears_itself(const UdpSocket& socket) noexcept {
    sockaddr_storage name{};
    const socklen_t size = socket.local.to(name);
    std::uint8_t byte = 0;
    return ::sendto(socket.fd.get(), &byte, 1, MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&name), size) == 1 &&
           ::recv(socket.fd.get(), &byte, 1, 0) == 1;
}

}  // namespace

PortProbe::PortProbe(const RangeSteering& steering) : steering_(steering) {
    constexpr int kTries = 3;
    for (const IpAddress& address : steering.addresses()) {
        bool heard = false;
        for (int i = 0; i < kTries && !heard; ++i) {
            const auto socket = open_udp({address, 0}, {});
            heard = socket && hears_itself(*socket);
        }
        audible_.push_back(heard);
    }
}

std::expected<UdpSocket, int> PortProbe::operator()(const Endpoint& local) const {
    auto socket = bind_plain(local);
    if (!socket || steering_.alone()) return socket;
    const auto place = steering_.place(local);
    if (place && audible_[*place / RangeSteering::kPorts] && !hears_itself(*socket))
        return std::unexpected{EADDRINUSE};
    return socket;
}

}  // namespace turnpike::net
