#include "common/crypto/system_random.hpp"

#include <openssl/rand.h>

#include "common/base/assert.hpp"

namespace turnpike::crypto {

void SystemRandom::fill_public(ByteSpan out) noexcept {
    TURNPIKE_ASSERT(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}
void SystemRandom::fill_secret(ByteSpan out) noexcept {
    TURNPIKE_ASSERT(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace turnpike::crypto
