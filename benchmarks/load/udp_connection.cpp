#include "benchmarks/load/udp_connection.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

namespace turnpike::bench {
namespace {

// Reads that one wake may take, so that sending keeps its schedule.
constexpr int kReadBudget = 256;

}  // namespace

bool UdpConnection::send(ByteView message) {
    if (::send(socket_.descriptor(), message.data(), message.size(), 0) >= 0) {
        full_ = false;
        return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        full_ = true;
        return false;
    }
    // An ICMP error of an earlier datagram; this one was not sent either.
    error_ = fmt::format("{}: {}", server_.to_string(), error_text(errno));
    return false;
}

std::expected<void, std::string> UdpConnection::receive(const OnMessage& on_message) {
    std::array<std::uint8_t, 65536> buffer;
    for (int reads = 0; reads < kReadBudget; ++reads) {
        alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint32_t))> control{};
        iovec vector{.iov_base = buffer.data(), .iov_len = buffer.size()};
        msghdr header{};
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(socket_.descriptor(), &header, 0);
        if (size < 0) {
            if (errno == EAGAIN || errno == EINTR) break;
            return std::unexpected(fmt::format("{}: {}", server_.to_string(), error_text(errno)));
        }
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL) continue;
            std::uint32_t dropped = 0;
            std::memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            drops_ = dropped;  // the kernel counts from the socket's start
        }
        on_message(ByteView{buffer}.first(static_cast<std::size_t>(size)));
    }
    return flush();
}

std::expected<void, std::string> UdpConnection::flush() {
    full_ = false;
    if (!error_.empty()) return std::unexpected(error_);
    return {};
}

}  // namespace turnpike::bench
