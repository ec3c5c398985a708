#include "turn/net/icmp_error.hpp"

#include "turn/net/internet_checksum.hpp"

namespace turnpike::net {
namespace {

constexpr std::uint8_t kProtocolIcmp = 1, kProtocolUdp = 17;
constexpr std::uint8_t kUnreachable4 = 3, kTimeExceeded4 = 11, kParameterProblem4 = 12;
constexpr std::uint8_t kTooBig6 = 2, kLastError6 = 127;
constexpr std::uint8_t kFragmentationNeeded = 4;
constexpr std::size_t kIcmpHeader = 8, kPorts = 4;
constexpr std::size_t kIpv4 = 20, kIpv6 = 40;
constexpr std::uint16_t kFragmentOffset = 0x1FFF;

// The length of the IPv4 header in front; 0 when there is none, or it does not fit.
std::size_t ipv4_header(ByteView packet) noexcept {
    if (packet.size() < kIpv4 || packet[0] >> 4 != 4) return 0;
    const std::size_t size = std::size_t{packet[0] & 0x0FU} * 4;
    return size >= kIpv4 && size <= packet.size() ? size : 0;
}

void read_ports(IcmpError& told, ByteView udp) noexcept {
    told.sender.port = load_u16(udp, 0);
    told.error.peer.port = load_u16(udp, 2);
}

std::optional<IcmpError> parse_v4(ByteView packet) noexcept {
    const std::size_t outer = ipv4_header(packet);
    if (outer == 0 || packet[9] != kProtocolIcmp) return {};
    const ByteView icmp = packet.subspan(outer);
    if (icmp.size() < kIcmpHeader) return {};
    // A raw socket gets what the kernel has not looked at yet.
    InternetChecksum sum;
    sum.add(icmp);
    if (sum.field() != 0) return {};
    IcmpError told;
    told.error.type = icmp[0];
    told.error.code = icmp[1];
    if (icmp[0] != kUnreachable4 && icmp[0] != kTimeExceeded4 && icmp[0] != kParameterProblem4)
        return {};
    if (icmp[0] == kUnreachable4 && icmp[1] == kFragmentationNeeded)
        told.error.mtu = load_u16(icmp, 6);

    const ByteView quoted = icmp.subspan(kIcmpHeader);
    const std::size_t inner = ipv4_header(quoted);
    if (inner == 0 || quoted.size() < inner + kPorts || quoted[9] != kProtocolUdp) return {};
    if ((load_u16(quoted, 6) & kFragmentOffset) != 0)
        return {};  // ports are in the first fragment only
    told.sender.address = IpAddress::v4(quoted.subspan(12, 4));
    told.error.peer.address = IpAddress::v4(quoted.subspan(16, 4));
    read_ports(told, quoted.subspan(inner));
    return told;
}

// The kernel has checked the checksum. Our own datagrams have no extension headers.
std::optional<IcmpError> parse_v6(ByteView icmp) noexcept {
    if (icmp.size() < kIcmpHeader + kIpv6 + kPorts) return {};
    if (icmp[0] == 0 || icmp[0] > kLastError6) return {};
    IcmpError told;
    told.error.type = icmp[0];
    told.error.code = icmp[1];
    if (icmp[0] == kTooBig6) told.error.mtu = load_u32(icmp, 4);
    const ByteView quoted = icmp.subspan(kIcmpHeader);
    if (quoted[0] >> 4 != 6 || quoted[6] != kProtocolUdp) return {};
    told.sender.address = IpAddress::v6(quoted.subspan(8, 16));
    told.error.peer.address = IpAddress::v6(quoted.subspan(24, 16));
    read_ports(told, quoted.subspan(kIpv6));
    return told;
}

}  // namespace

std::optional<IcmpError> IcmpError::parse(ByteView packet, Family family) noexcept {
    return family == Family::V4 ? parse_v4(packet) : parse_v6(packet);
}

}  // namespace turnpike::net
