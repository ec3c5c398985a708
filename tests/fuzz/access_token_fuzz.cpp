// rooms: turn/core turn/stun common/crypto common/base
//
// ACCESS-TOKEN (RFC 7635 §6.2): the input as a token, and as what somebody who has the key sealed
// into one.

#include <algorithm>

#include "common/base/byte_cursor.hpp"
#include "common/crypto/aes_gcm.hpp"
#include "tests/support/fuzz_check.hpp"
#include "turn/core/third_party.hpp"

using namespace turnpike;
using core::ThirdParty;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Secret kKey{std::string_view{"0123456789abcdef"}};
    static const ThirdParty kThirdParty{"turn.example.org", {{"kid", kKey, 3600s}}};
    static const WallTime kNow = from_unix_seconds(1'700'000'000);

    const ByteView input{data, size};
    FUZZ_CHECK(!kThirdParty.open("kid", input, kNow));

    const Bytes nonce(12, 0x5C);
    Bytes token{0, 12};
    token.insert(token.end(), nonce.begin(), nonce.end());
    const Bytes sealed =
        crypto::aes_gcm_seal(kKey.reveal(), nonce, as_bytes("turn.example.org"), input);
    token.insert(token.end(), sealed.begin(), sealed.end());
    const auto opened = kThirdParty.open("kid", token, kNow);

    ByteReader block{input};
    const ByteView key = block.take(block.u16());
    const std::uint64_t timestamp = block.u64();
    const std::uint32_t lifetime = block.u32();
    const bool shaped =
        block.ok() && block.remaining() == 0 && key.size() >= 16 && key.size() <= 64;
    if (!shaped) {
        FUZZ_CHECK(!opened);
        return 0;
    }
    // The last 16 bits count 1/64000 seconds; they can say a little more than a second.
    const std::int64_t made_ms = static_cast<std::int64_t>(timestamp >> 16) * 1000 +
                                 static_cast<std::int64_t>(timestamp & 0xFFFF) / 64;
    const std::int64_t end_ms = made_ms + std::min<std::int64_t>(lifetime, 3600) * 1000;
    constexpr std::int64_t kNowMs = 1'700'000'000'000;
    FUZZ_CHECK(opened.has_value() == (end_ms > kNowMs && made_ms <= kNowMs + 5000));
    if (opened) {
        FUZZ_CHECK(std::ranges::equal(opened->session_key.reveal(), key));
        FUZZ_CHECK(opened->expires_at.time_since_epoch().count() == end_ms);
    }
    return 0;
}
