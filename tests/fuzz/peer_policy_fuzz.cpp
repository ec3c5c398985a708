// rooms: turn/core turn/stun common/crypto common/base
//
// PeerPolicy against a second reading of the security reference's section 4 (tests/support). Input: flags, an
// address, then allow and deny blocks.

#include "common/base/byte_cursor.hpp"
#include "tests/support/fuzz_check.hpp"
#include "tests/support/peer_policy_reference.hpp"
#include "turn/core/peer_policy.hpp"

using namespace turnpike;
using core::PeerPolicy;

namespace {

IpAddress read_address(ByteReader& in) {
    if (in.u8() % 2 == 0) {
        const ByteView four = in.take(4);
        return four.empty() ? IpAddress{} : IpAddress::v4(four);
    }
    const ByteView sixteen = in.take(16);
    return sixteen.empty() ? IpAddress{} : IpAddress::v6(sixteen);
}

// A block with its host bits cleared.
Cidr read_block(ByteReader& in) {
    const IpAddress address = read_address(in);
    Bytes raw{address.bytes().begin(), address.bytes().end()};
    const auto length = static_cast<std::uint8_t>(in.u8() % (raw.size() * 8 + 1));
    for (std::size_t bit = length; bit < raw.size() * 8; ++bit) {
        raw[bit / 8] = static_cast<std::uint8_t>(raw[bit / 8] & ~(0x80 >> (bit % 8)));
    }
    return {address.is_v4() ? IpAddress::v4(raw) : IpAddress::v6(raw), length};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ByteReader in{{data, size}};
    const std::uint8_t flags = in.u8();
    const IpAddress peer = read_address(in);
    PeerPolicy::Rules rules;
    rules.mode = (flags & 1) != 0 ? PeerPolicy::Mode::Lab : PeerPolicy::Mode::Default;
    if ((flags & 2) != 0) rules.hard_denied.push_back(peer);
    while (in.ok() && in.remaining() > 0 && rules.allow.size() + rules.deny.size() < 8) {
        const bool allow = in.u8() % 2 == 0;
        const Cidr block = read_block(in);
        if (allow) {
            rules.allow.push_back(block);
        } else {
            rules.deny.push_back(block);
        }
    }

    static const core::RelayDirectory kNone{{}};
    const PeerPolicy policy{rules, kNone};
    const bool allowed = policy.check(peer, false).has_value();
    FUZZ_CHECK(allowed == reference::expected(rules, peer));
    FUZZ_CHECK(policy.explain(peer).allowed == allowed);
    FUZZ_CHECK(!policy.explain(peer).rule.empty());
    FUZZ_CHECK(!policy.check(peer, true));  // there are no relays

    FUZZ_CHECK(!policy.allows_port({peer, 0}));
    FUZZ_CHECK(!policy.allows_port({peer, 53}));  // nobody named it

    const core::RelayDirectory own{{{peer, peer}}};
    FUZZ_CHECK((PeerPolicy{rules, own}.check(peer, true).has_value()));
    return 0;
}
