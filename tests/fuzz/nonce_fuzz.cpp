// rooms: turn/core turn/stun common/crypto common/base
//
// Target Z15, what strangers write into NONCE: whatever it is, only the very text that was made for
// this client is taken, and it says what was told with it.

#include "tests/support/fuzz_check.hpp"
#include "turn/core/nonce.hpp"

using namespace turnpike;
using core::Nonces;
using core::SecurityFeatures;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Nonces kNonces{Secret{std::string_view{"the nonce key of this target....."}}, 600s,
                                core::Config::Sha256::Offer};
    static const FiveTuple kTuple{*Endpoint::parse("192.0.2.1:40000"),
                                  *Endpoint::parse("192.0.2.100:3478"), Transport::Udp};
    static const WallTime kNow = from_unix_seconds(1'700'000'000);

    // Nothing in here makes a nonce with this key, so nobody can have learnt one from a comparison.
    static const Nonces kOthers{Secret{std::string_view{"a nonce key that makes no nonces"}}, 600s,
                                core::Config::Sha256::Offer};
    const auto judged = kOthers.judge(as_text(ByteView{data, size}), kTuple, "turnpike", kNow);
    FUZZ_CHECK(judged.verdict == Nonces::Verdict::Foreign);
    FUZZ_CHECK(!judged.features.any());

    // The first byte chooses features, the next two an age; the rest is laid over the good text.
    if (size < 3) return 0;
    const SecurityFeatures features{(data[0] & 1) != 0, (data[0] & 2) != 0};
    const Seconds age{(data[1] << 8 | data[2]) % 1200};
    const std::string good{kNonces.make(kTuple, "turnpike", kNow - age, features).view()};
    std::string changed = good;
    for (std::size_t i = 3; i < size && i - 3 < changed.size(); ++i)
        changed[i - 3] = static_cast<char>(changed[i - 3] ^ data[i]);
    const auto verdict = kNonces.judge(changed, kTuple, "turnpike", kNow);
    if (changed == good) {
        FUZZ_CHECK(verdict.verdict == (age < 600s ? Nonces::Verdict::Fresh : Nonces::Verdict::Old));
        FUZZ_CHECK(verdict.features == features);
    } else {
        FUZZ_CHECK(verdict.verdict == Nonces::Verdict::Foreign);
    }
    return 0;
}
