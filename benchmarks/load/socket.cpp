#include "benchmarks/load/socket.hpp"

#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace turnpike::bench {
namespace {

constexpr int kBufferBytes = 4 << 20;

// Privileged past net.core.rmem_max, else up to it: what the generator drops is not the server's
// loss.
void enlarge(int descriptor, int forced, int plain) {
    if (::setsockopt(descriptor, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) == 0)
        return;
    ::setsockopt(descriptor, SOL_SOCKET, plain, &kBufferBytes, sizeof kBufferBytes);
}

void tune(int descriptor, int type) {
    const int on = 1;
    if (type == SOCK_STREAM) {
        ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    } else {
        enlarge(descriptor, SO_RCVBUFFORCE, SO_RCVBUF);
        enlarge(descriptor, SO_SNDBUFFORCE, SO_SNDBUF);
    }
}

}  // namespace

Socket::~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t Socket::receive_drops() const noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    return ::getsockopt(descriptor_, SOL_SOCKET, SO_MEMINFO, info.data(), &size) == 0
               ? info[SK_MEMINFO_DROPS]
               : 0;
}

bool wait_for(int descriptor, short events, Milliseconds timeout) {
    pollfd wanted{.fd = descriptor, .events = events, .revents = 0};
    return ::poll(&wanted, 1, static_cast<int>(timeout.count())) > 0;
}

std::string error_text(int error) {
    return std::generic_category().message(error);
}

std::expected<Socket, std::string> Socket::connected(const Endpoint& server, int type,
                                                     Milliseconds timeout) {
    const int family = server.address.is_v4() ? AF_INET : AF_INET6;
    Socket socket{::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.descriptor() < 0)
        return std::unexpected(fmt::format("no socket: {}", error_text(errno)));
    tune(socket.descriptor(), type);

    sockaddr_storage address{};
    const unsigned length = server.to(address);
    if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), length) == 0)
        return socket;
    int error = errno;
    if (error == EINPROGRESS) {
        if (!wait_for(socket.descriptor(), POLLOUT, timeout)) {
            return std::unexpected(fmt::format("{} does not answer", server.to_string()));
        }
        socklen_t size = sizeof error;
        ::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) return socket;
    }
    return std::unexpected(
        fmt::format("cannot connect to {}: {}", server.to_string(), error_text(error)));
}

}  // namespace turnpike::bench
