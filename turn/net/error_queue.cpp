#include "turn/net/error_queue.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace turnpike::net {
namespace {

std::optional<PeerError> error_of(const sock_extended_err& error, const sockaddr& peer) noexcept {
    PeerError told;
    told.peer = Endpoint::from(peer);
    const bool too_long = error.ee_errno == EMSGSIZE;
    switch (error.ee_origin) {
        case SO_EE_ORIGIN_ICMP:
        case SO_EE_ORIGIN_ICMP6:
            told.type = error.ee_type;
            told.code = error.ee_code;
            told.mtu = too_long ? error.ee_info : 0;
            return told;
        case SO_EE_ORIGIN_LOCAL:
            if (!too_long || error.ee_info == 0) return {};
            // RFC 792: destination unreachable, fragmentation needed. RFC 4443 §3.2: packet too big.
            told.type = told.peer.address.is_v4() ? 3 : 2;
            told.code = told.peer.address.is_v4() ? 4 : 0;
            told.mtu = error.ee_info;
            return told;
        default: return {};
    }
}

}  // namespace

std::optional<std::optional<PeerError>> next_error(const UdpSocket& socket) noexcept {
    union {
        sockaddr any;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } peer{};
    // The extended error with the offender's address; the first bytes of the datagram are not asked for.
    alignas(cmsghdr) std::array<std::uint8_t, 256> control;
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket.fd.get(), &message, MSG_ERRQUEUE) < 0) return {};
    if (message.msg_namelen == 0) return std::optional<PeerError>{};

    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if (!v4 && !v6) continue;
        sock_extended_err error{};
        std::memcpy(&error, CMSG_DATA(c), sizeof error);
        return error_of(error, peer.any);
    }
    return std::optional<PeerError>{};
}

}  // namespace turnpike::net
