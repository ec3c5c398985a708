#include "turn/net/range_sockets.hpp"

#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace turnpike::net {
namespace {

std::string refused(const std::string& what, int error) {
    return what + ": " + std::strerror(error);
}

// The socket that steering chooses. Its own address is never used: it is a loopback address, so
// that nothing reaches it but through steering (and from this machine, which is thrown away).
std::expected<UdpSocket, std::string> open_receiver(Family family, int buffer_bytes) {
    const bool v4 = family == Family::V4;
    const Endpoint loopback{*IpAddress::parse(v4 ? "127.0.0.1" : "::1"), 0};
    auto socket = open_udp(loopback, {.together = true, .buffer_bytes = buffer_bytes, .addressed = true});
    if (!socket) return std::unexpected{refused("receive socket", socket.error())};
    return std::move(*socket);
}

constexpr sock_filter op(int code, std::uint32_t k) noexcept {
    return {static_cast<std::uint16_t>(code), 0, 0, k};
}
constexpr sock_filter jump(int code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) noexcept {
    return {static_cast<std::uint16_t>(code), yes, no, k};
}

// Wakes us only for errors about UDP datagrams from the ports of the range, which have plain
// headers.
bool filter_icmp4(int fd, std::uint16_t first, std::uint16_t last) noexcept {
    const icmp_filter types{
        ~((1U << ICMP_DEST_UNREACH) | (1U << ICMP_TIME_EXCEEDED) | (1U << ICMP_PARAMETERPROB))};
    sock_filter program[] = {
        /* 0 */ op(BPF_LDX | BPF_B | BPF_MSH, 0),  // X: the outer header's length
        /* 1 */ op(BPF_LD | BPF_B | BPF_IND, 8),   // the quoted header behind 8 bytes of ICMP
        /* 2 */ jump(BPF_JMP | BPF_JEQ | BPF_K, 0x45, 0, 6),
        /* 3 */ op(BPF_LD | BPF_B | BPF_IND, 8 + 9),
        /* 4 */ jump(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
        /* 5 */ op(BPF_LD | BPF_H | BPF_IND, 8 + 20),
        /* 6 */ jump(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        /* 7 */ jump(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        /* 8 */ op(BPF_RET | BPF_K, 0xFFFF'FFFF),
        /* 9 */ op(BPF_RET | BPF_K, 0),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    return ::setsockopt(fd, SOL_RAW, ICMP_FILTER, &types, sizeof types) == 0 &&
           ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

bool filter_icmp6(int fd, std::uint16_t first, std::uint16_t last) noexcept {
    icmp6_filter types;
    ICMP6_FILTER_SETBLOCKALL(&types);
    for (const int type :
         {ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG, ICMP6_TIME_EXCEEDED, ICMP6_PARAM_PROB}) {
        ICMP6_FILTER_SETPASS(type, &types);
    }
    sock_filter program[] = {
        /* 0 */ op(BPF_LD | BPF_B | BPF_ABS, 8 + 6),
        /* 1 */ jump(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
        /* 2 */ op(BPF_LD | BPF_H | BPF_ABS, 8 + 40),
        /* 3 */ jump(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        /* 4 */ jump(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        /* 5 */ op(BPF_RET | BPF_K, 0xFFFF'FFFF),
        /* 6 */ op(BPF_RET | BPF_K, 0),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    return ::setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &types, sizeof types) == 0 &&
           ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

std::expected<FileDescriptor, std::string> open_icmp(Family family, std::uint16_t first,
                                                     std::uint16_t last) {
    const bool v4 = family == Family::V4;
    FileDescriptor fd{::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
                               v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6})};
    if (!fd || !(v4 ? filter_icmp4(fd.get(), first, last) : filter_icmp6(fd.get(), first, last))) {
        return std::unexpected{refused("raw socket for ICMP", errno)};
    }
    return fd;
}

}  // namespace

std::expected<RangeSetup, std::string> RangeSetup::open(const std::vector<IpAddress>& addresses,
                                                        const std::vector<IpAddress>& listeners,
                                                        std::uint16_t first, std::uint16_t last,
                                                        unsigned workers, int buffer_bytes,
                                                        Random& random) {
    RangeSetup setup;
    auto steering = RangeSteering::attach(addresses, workers);
    if (!steering) return std::unexpected{steering.error()};
    setup.steering = std::move(*steering);
    setup.probe = std::make_unique<PortProbe>(*setup.steering);
    for (unsigned worker = 0; worker < workers; ++worker) {
        RangeSockets& sockets = setup.sockets.emplace_back();
        for (const Family family : {Family::V4, Family::V6}) {
            if (std::ranges::none_of(addresses,
                                     [&](const IpAddress& a) { return a.family() == family; }))
                continue;
            const std::size_t index = RangeSockets::index_of(family);
            auto receiver = open_receiver(family, buffer_bytes);
            if (!receiver) return std::unexpected{receiver.error()};
            sockets.receive[index] = std::move(*receiver);
            if (const auto ok =
                    setup.steering->add(worker, family, sockets.receive[index].fd.get());
                !ok) {
                return std::unexpected{ok.error()};
            }
            if (worker != 0) continue;
            auto icmp = open_icmp(family, first, last);
            if (!icmp) return std::unexpected{icmp.error()};
            sockets.icmp[index] = std::move(*icmp);
        }
        for (const IpAddress& address : addresses) {
            auto sender = RawSender::open(address, buffer_bytes, random);
            if (!sender) return std::unexpected{refused("raw socket", sender.error())};
            sockets.senders.push_back(std::move(*sender));
        }
        for (const IpAddress& address : listeners) {
            if (std::ranges::find(sockets.senders, address, &RawSender::source) != sockets.senders.end())
                continue;
            // Without it these clients' datagrams leave by the listener's own socket.
            auto sender = RawSender::open(address, buffer_bytes, random);
            if (sender) sockets.senders.push_back(std::move(*sender));
        }
    }
    return setup;
}

}  // namespace turnpike::net
