#include "turn/net/datagram_reader.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "common/base/assert.hpp"

namespace turnpike::net {
namespace {

// Not a power of two: the slots' first bytes, which are all that small datagrams touch, would share
// one set of the first-level cache.
constexpr std::size_t kStride = DatagramReader::kSlotBytes + 128;
static_assert(kStride % 64 == 0 && (kStride & (kStride - 1)) != 0);

union Name {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

int read_int(const cmsghdr& header) noexcept {
    int value = 0;
    std::memcpy(&value, CMSG_DATA(&header), sizeof value);
    return value;
}

// What was asked for, whatever socket it was steered to.
void read_destination(Datagrams& datagram, const cmsghdr& header) noexcept {
    Name name{};
    std::memcpy(&name, CMSG_DATA(&header), std::min(sizeof name, header.cmsg_len - CMSG_LEN(0)));
    const Endpoint destination = Endpoint::from(name.any);
    datagram.destination = destination.address;
    datagram.destination_port = destination.port;
}

}  // namespace

struct DatagramReader::Headers {
    std::array<mmsghdr, kBatchMax> messages{};
    std::array<iovec, kBatchMax> payloads{};
    std::array<Name, kBatchMax> names{};
    // TTL, TOS or traffic class, packet information or original destination (48 for IPv6), overflow counter, size of
    // each of several
    static constexpr std::size_t kControlBytes = 160;
    struct alignas(cmsghdr) Control {
        std::array<std::uint8_t, kControlBytes> bytes;
    };
    std::array<Control, kBatchMax> controls;
    std::array<Datagrams, kBatchMax> received;
};

DatagramReader::DatagramReader()
    : memory_(new std::uint8_t[kSlots * kStride]), headers_(std::make_unique<Headers>()) {}
DatagramReader::~DatagramReader() = default;

std::uint8_t* DatagramReader::slot(std::size_t index) noexcept {
    return memory_.get() + index * kStride;
}

ByteSpan DatagramReader::take_slot() noexcept {
    TURNPIKE_ASSERT(used_ < kSlots);
    return {slot(used_++), kSlotBytes};
}

std::span<Datagrams> DatagramReader::read(UdpSocket& socket, std::size_t count) noexcept {
    count = std::min({count, kBatchMax, free_slots()});
    Headers& h = *headers_;
    for (std::size_t i = 0; i < count; ++i) {
        h.payloads[i] = {slot(used_ + i), kSlotBytes};
        msghdr& message = h.messages[i].msg_hdr;
        message = {};
        message.msg_name = &h.names[i];
        message.msg_namelen = sizeof(Name);
        message.msg_iov = &h.payloads[i];
        message.msg_iovlen = 1;
        message.msg_control = h.controls[i].bytes.data();
        message.msg_controllen = Headers::kControlBytes;
    }
    const int got = ::recvmmsg(socket.fd.get(), h.messages.data(), static_cast<unsigned>(count), 0, nullptr);
    if (got <= 0) return {};

    const auto received = static_cast<std::size_t>(got);
    for (std::size_t i = 0; i < received; ++i) {
        Datagrams& datagram = h.received[i];
        datagram = {};
        datagram.bytes = {slot(used_ + i), h.messages[i].msg_len};
        datagram.size = datagram.bytes.size();
        datagram.source = Endpoint::from(h.names[i].any);
        datagram.destination = socket.local.address;
        msghdr& message = h.messages[i].msg_hdr;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level == IPPROTO_IP) {
                if (c->cmsg_type == IP_TTL) datagram.ip.ttl = read_int(*c);
                if (c->cmsg_type == IP_TOS) datagram.ip.traffic_class = *CMSG_DATA(c);
                if (c->cmsg_type == IP_ORIGDSTADDR) read_destination(datagram, *c);
                if (c->cmsg_type == IP_PKTINFO) {
                    in_pktinfo info{};
                    std::memcpy(&info, CMSG_DATA(c), sizeof info);
                    // spec_dst, not addr: what was sent to a broadcast address is answered from ours.
                    datagram.destination = IpAddress::v4(ntohl(info.ipi_spec_dst.s_addr));
                }
            } else if (c->cmsg_level == IPPROTO_IPV6) {
                if (c->cmsg_type == IPV6_HOPLIMIT) datagram.ip.ttl = read_int(*c);
                if (c->cmsg_type == IPV6_TCLASS) datagram.ip.traffic_class = static_cast<std::uint8_t>(read_int(*c));
                if (c->cmsg_type == IPV6_ORIGDSTADDR) read_destination(datagram, *c);
                if (c->cmsg_type == IPV6_PKTINFO) {
                    in6_pktinfo info{};
                    std::memcpy(&info, CMSG_DATA(c), sizeof info);
                    datagram.destination = IpAddress::v6(ByteView{info.ipi6_addr.s6_addr, 16});
                }
            } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                datagram.size = static_cast<std::size_t>(read_int(*c));
            } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
                const auto total = static_cast<std::uint32_t>(read_int(*c));
                overflows += total - socket.overflows;  // wraps as the kernel's counter does
                socket.overflows = total;
            }
        }
        datagrams += datagram.count();
    }
    used_ += received;
    return std::span{h.received}.first(received);
}

}  // namespace turnpike::net
