#include "turn/net/steering.hpp"

#include <linux/filter.h>
#include <sys/socket.h>

#include <cerrno>
#include <iterator>

#ifndef SO_ATTACH_REUSEPORT_CBPF
#define SO_ATTACH_REUSEPORT_CBPF 51
#endif

namespace turnpike::net {
namespace {

// Odd constants of xxHash32 (Yann Collet): good multiplicative mixers.
constexpr std::uint32_t kFold = 0x9E3779B1, kMix1 = 0x85EBCA77, kMix2 = 0xC2B2AE3D;

// Offsets from the network header, as the kernel wants them said.
constexpr std::uint32_t net(int offset) noexcept { return static_cast<std::uint32_t>(SKF_NET_OFF + offset); }

constexpr sock_filter op(int code, std::uint32_t k) noexcept { return {static_cast<std::uint16_t>(code), 0, 0, k}; }
constexpr sock_filter jump(int code, std::uint32_t k, std::uint8_t yes, std::uint8_t no) noexcept {
    return {static_cast<std::uint16_t>(code), yes, no, k};
}

}  // namespace

unsigned Steering::worker_for(const Endpoint& source) const noexcept {
    if (workers_ <= 1) return 0;
    const ByteView address = source.address.bytes();
    std::uint32_t h = 0;
    for (std::size_t at = 0; at < address.size(); at += 4) h = (h + load_u32(address, at)) * kFold;
    h += source.port;
    h ^= h >> 15;
    h *= kMix1;
    h ^= h >> 13;
    h *= kMix2;
    h ^= h >> 16;
    return h % workers_;
}

std::expected<void, int> Steering::attach(int fd) const noexcept {
    // The packet starts behind the transport header here; all loads count from the network header.
    // M[0] is h, M[1] the port.
    sock_filter program[] = {
        /*  0 */ op(BPF_LD | BPF_B | BPF_ABS, net(0)),      // version and header length
        /*  1 */ op(BPF_ALU | BPF_RSH | BPF_K, 4),
        /*  2 */ jump(BPF_JMP | BPF_JEQ | BPF_K, 6, 7, 0),  // IPv6: 10
        // IPv4: source port behind the options, source address at 12
        /*  3 */ op(BPF_LDX | BPF_B | BPF_MSH, net(0)),
        /*  4 */ op(BPF_LD | BPF_H | BPF_IND, net(0)),
        /*  5 */ op(BPF_ST, 1),
        /*  6 */ op(BPF_LD | BPF_W | BPF_ABS, net(12)),
        /*  7 */ op(BPF_ALU | BPF_MUL | BPF_K, kFold),
        /*  8 */ op(BPF_ST, 0),
        /*  9 */ op(BPF_JMP | BPF_JA, 24),                  // 34
        // IPv6: the port, if a transport header follows at once
        /* 10 */ op(BPF_LD | BPF_B | BPF_ABS, net(6)),
        /* 11 */ jump(BPF_JMP | BPF_JEQ | BPF_K, 17, 2, 0),
        /* 12 */ jump(BPF_JMP | BPF_JEQ | BPF_K, 6, 1, 0),
        /* 13 */ jump(BPF_JMP | BPF_JA, 2, 0, 0),           // 16, A is not used
        /* 14 */ op(BPF_LD | BPF_H | BPF_ABS, net(40)),
        /* 15 */ jump(BPF_JMP | BPF_JA, 1, 0, 0),           // 17
        /* 16 */ op(BPF_LD | BPF_IMM, 0),
        /* 17 */ op(BPF_ST, 1),
        /* 18 */ op(BPF_LD | BPF_W | BPF_ABS, net(8)),
        /* 19 */ op(BPF_ALU | BPF_MUL | BPF_K, kFold),
        /* 20 */ op(BPF_MISC | BPF_TAX, 0),
        /* 21 */ op(BPF_LD | BPF_W | BPF_ABS, net(12)),
        /* 22 */ op(BPF_ALU | BPF_ADD | BPF_X, 0),
        /* 23 */ op(BPF_ALU | BPF_MUL | BPF_K, kFold),
        /* 24 */ op(BPF_MISC | BPF_TAX, 0),
        /* 25 */ op(BPF_LD | BPF_W | BPF_ABS, net(16)),
        /* 26 */ op(BPF_ALU | BPF_ADD | BPF_X, 0),
        /* 27 */ op(BPF_ALU | BPF_MUL | BPF_K, kFold),
        /* 28 */ op(BPF_MISC | BPF_TAX, 0),
        /* 29 */ op(BPF_LD | BPF_W | BPF_ABS, net(20)),
        /* 30 */ op(BPF_ALU | BPF_ADD | BPF_X, 0),
        /* 31 */ op(BPF_ALU | BPF_MUL | BPF_K, kFold),
        /* 32 */ op(BPF_ST, 0),
        /* 33 */ op(BPF_JMP | BPF_JA, 0),
        // both: mix and reduce
        /* 34 */ op(BPF_LD | BPF_MEM, 0),
        /* 35 */ op(BPF_LDX | BPF_MEM, 1),
        /* 36 */ op(BPF_ALU | BPF_ADD | BPF_X, 0),
        /* 37 */ op(BPF_MISC | BPF_TAX, 0),
        /* 38 */ op(BPF_ALU | BPF_RSH | BPF_K, 15),
        /* 39 */ op(BPF_ALU | BPF_XOR | BPF_X, 0),
        /* 40 */ op(BPF_ALU | BPF_MUL | BPF_K, kMix1),
        /* 41 */ op(BPF_MISC | BPF_TAX, 0),
        /* 42 */ op(BPF_ALU | BPF_RSH | BPF_K, 13),
        /* 43 */ op(BPF_ALU | BPF_XOR | BPF_X, 0),
        /* 44 */ op(BPF_ALU | BPF_MUL | BPF_K, kMix2),
        /* 45 */ op(BPF_MISC | BPF_TAX, 0),
        /* 46 */ op(BPF_ALU | BPF_RSH | BPF_K, 16),
        /* 47 */ op(BPF_ALU | BPF_XOR | BPF_X, 0),
        /* 48 */ op(BPF_ALU | BPF_MOD | BPF_K, workers_),
        /* 49 */ op(BPF_RET | BPF_A, 0),
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) != 0) {
        return std::unexpected{errno};
    }
    return {};
}

}  // namespace turnpike::net
