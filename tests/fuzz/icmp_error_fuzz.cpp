// rooms: turn/net turn/core turn/stun common/crypto common/base
//
// IcmpError against RFC 792 and RFC 4443 once more, told byte by byte. The first byte says the family, and whether an
// IPv4 message gets its right checksum first, without which little would be looked at.

#include "turn/net/icmp_error.hpp"

#include <algorithm>

#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using net::IcmpError;

namespace {

// RFC 1071 §4.1: zero for what is right.
std::uint16_t checksum(ByteView bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

// The length of a good IPv4 header in front, or zero.
std::size_t header4(ByteView in) {
    if (in.size() < 20 || (in[0] & 0xF0) != 0x40) return 0;
    const std::size_t size = (in[0] & 0x0FU) * 4U;
    return size < 20 || size > in.size() ? 0 : size;
}

bool good4(ByteView in) {
    const std::size_t outer = header4(in);
    if (outer == 0 || in[9] != 1 || in.size() < outer + 8 || checksum(in.subspan(outer)) != 0) return false;
    const std::uint8_t type = in[outer];
    if (type != 3 && type != 11 && type != 12) return false;
    const ByteView quoted = in.subspan(outer + 8);
    const std::size_t inner = header4(quoted);
    return inner != 0 && quoted.size() >= inner + 4 && quoted[9] == 17 && (quoted[6] & 0x1F) == 0 && quoted[7] == 0;
}

bool good6(ByteView in) {
    return in.size() >= 52 && in[0] >= 1 && in[0] <= 127 && (in[8] & 0xF0) == 0x60 && in[8 + 6] == 17;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool v4 = (data[0] & 1) == 0, mend = (data[0] & 2) != 0;
    Bytes packet{data + 1, data + size};
    const std::size_t outer = v4 ? header4(packet) : 0;
    if (mend && outer != 0 && packet.size() >= outer + 4) {
        store_u16(packet, outer + 2, 0);
        store_u16(packet, outer + 2, checksum(ByteView{packet}.subspan(outer)));
    }
    const auto told = IcmpError::parse(packet, v4 ? Family::V4 : Family::V6);
    FUZZ_CHECK(told.has_value() == (v4 ? good4(packet) : good6(packet)));
    if (!told) return 0;

    const ByteView icmp = ByteView{packet}.subspan(outer), quoted = icmp.subspan(8);
    const std::size_t inner = v4 ? header4(quoted) : 40, addresses = v4 ? 12 : 8, length = v4 ? 4 : 16;
    FUZZ_CHECK(told->error.type == icmp[0] && told->error.code == icmp[1]);
    FUZZ_CHECK(std::ranges::equal(told->sender.address.bytes(), quoted.subspan(addresses, length)));
    FUZZ_CHECK(std::ranges::equal(told->error.peer.address.bytes(), quoted.subspan(addresses + length, length)));
    FUZZ_CHECK(told->sender.port == quoted[inner] * 256 + quoted[inner + 1]);
    FUZZ_CHECK(told->error.peer.port == quoted[inner + 2] * 256 + quoted[inner + 3]);
    const bool has_mtu = v4 ? icmp[0] == 3 && icmp[1] == 4 : icmp[0] == 2;
    FUZZ_CHECK(told->error.mtu == (!has_mtu ? 0 : v4 ? load_u16(icmp, 6) : load_u32(icmp, 4)));
    return 0;
}
