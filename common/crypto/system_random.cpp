#include "common/crypto/system_random.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "common/base/assert.hpp"

namespace turnpike::crypto {

namespace {

// Relay ports and transaction ids are a few bytes each, and a call costs a system call (OpenSSL asks whether the
// process was forked): a thread draws for many at once. What was given out is overwritten.
struct Drawn {
    std::array<std::uint8_t, 512> bytes{};
    std::size_t left = 0;
};
thread_local Drawn drawn;

void draw(ByteSpan out) noexcept { TURNPIKE_ASSERT(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1); }

}  // namespace

void SystemRandom::fill_public(ByteSpan out) noexcept {
    if (out.size() > drawn.bytes.size() / 8) return draw(out);
    if (drawn.left < out.size()) {
        draw(drawn.bytes);
        drawn.left = drawn.bytes.size();
    }
    drawn.left -= out.size();
    const ByteSpan given = ByteSpan{drawn.bytes}.subspan(drawn.left, out.size());
    std::ranges::copy(given, out.begin());
    std::ranges::fill(given, std::uint8_t{0});
}
void SystemRandom::fill_secret(ByteSpan out) noexcept {
    TURNPIKE_ASSERT(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace turnpike::crypto
