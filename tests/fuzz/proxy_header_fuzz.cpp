// rooms: turn/net turn/core turn/stun common/crypto common/base
//
// ProxyHeader against the specification once more, told byte by byte; and measure() on every beginning of the
// input, since a stream may be cut anywhere.

#include "turn/net/proxy_header.hpp"

#include <algorithm>

#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using net::ProxyHeader;

namespace {

constexpr std::uint8_t kSignature[] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

/// Whether it is a good header, whole; and if so, its length and whether it names a client.
struct Judged {
    bool good = false, named = false;
    std::size_t size = 0;
};

Judged judge(ByteView in, unsigned protocol) {
    if (in.size() < 16 || !std::ranges::equal(in.first(12), kSignature)) return {};
    if ((in[12] & 0xF0) != 0x20) return {};
    const std::size_t body = in[14] * 256U + in[15];
    if (16 + body > ProxyHeader::kSizeMax || in.size() < 16 + body) return {};
    if ((in[12] & 0x0F) == 0) return {true, false, 16 + body};
    if ((in[12] & 0x0F) != 1) return {};
    if (in[13] == 0x00) return {true, false, 16 + body};
    if (in[13] == (0x10 | protocol) && body >= 12) return {true, true, 16 + body};
    if (in[13] == (0x20 | protocol) && body >= 36) return {true, true, 16 + body};
    return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{data, size};
    for (const auto carries : {ProxyHeader::Carries::Stream, ProxyHeader::Carries::Datagrams}) {
        const Judged expected = judge(input, static_cast<unsigned>(carries));
        const auto header = ProxyHeader::parse(input, carries);
        FUZZ_CHECK(header.has_value() == expected.good);
        if (!header) continue;
        FUZZ_CHECK(header->size == expected.size && header->addresses.has_value() == expected.named);
        if (!header->addresses) continue;
        const Endpoint& source = header->addresses->source;
        const std::size_t width = source.address.bytes().size();
        FUZZ_CHECK(std::ranges::equal(source.address.bytes(), input.subspan(16, width)));
        FUZZ_CHECK(source.port == load_u16(input, 16 + 2 * width));
        FUZZ_CHECK(header->addresses->destination.port == load_u16(input, 18 + 2 * width));
    }
    // What is refused stays refused, and a length that was told stays, whatever comes behind.
    bool refused = false;
    std::optional<std::size_t> told;
    for (std::size_t seen = 0; seen <= std::min<std::size_t>(size, 64); ++seen) {
        const auto measured = ProxyHeader::measure(input.first(seen));
        FUZZ_CHECK(!refused || !measured);
        refused = !measured;
        if (!measured) continue;
        FUZZ_CHECK(measured->has_value() == (seen >= ProxyHeader::kFixedSize));
        FUZZ_CHECK(!told || *told == **measured);
        told = *measured;
    }
    return 0;
}
