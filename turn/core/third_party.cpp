#include "turn/core/third_party.hpp"

#include <algorithm>

#include "common/base/byte_cursor.hpp"
#include "common/crypto/aes_gcm.hpp"

namespace turnpike::core {
namespace {

// A session key of HMAC-SHA-1's 20 bytes or HMAC-SHA-256's 32; nothing shorter than half of that is
// one.
constexpr std::size_t kSessionKeyMin = 16, kSessionKeyMax = 64;
constexpr std::size_t kSealedMax = 2 + kSessionKeyMax + 8 + 4 + crypto::kAesGcmTagSize;
constexpr Seconds kDelta{
    5};  // RFC 7635 §4.1.1: the authorization server's clock may be ahead of ours

std::optional<AccessToken> decode(ByteView block, Seconds lifetime_max, WallTime wall) {
    ByteReader reader{block};
    const ByteView key = reader.take(reader.u16());
    const std::uint64_t timestamp = reader.u64();
    const Seconds lifetime{reader.u32()};
    if (!reader.ok() || reader.remaining() != 0) return {};
    if (key.size() < kSessionKeyMin || key.size() > kSessionKeyMax) return {};
    const WallTime made = from_unix_seconds(static_cast<std::int64_t>(timestamp >> 16)) +
                          Milliseconds{(timestamp & 0xFFFF) / 64};
    const WallTime expires_at = made + std::min(lifetime, lifetime_max);
    if (made > wall + kDelta || expires_at <= wall) return {};
    return AccessToken{Secret{key}, expires_at};
}

void wipe(Bytes& bytes) noexcept {
    volatile std::uint8_t* p = bytes.data();
    for (std::size_t i = 0; i < bytes.size(); ++i) p[i] = 0;
}

}  // namespace

std::optional<AccessToken> ThirdParty::open(std::string_view kid, ByteView token,
                                            WallTime wall) const {
    ByteReader reader{token};
    if (reader.u16() != crypto::kAesGcmNonceSize) return {};
    const ByteView nonce = reader.take(crypto::kAesGcmNonceSize);
    const ByteView sealed = reader.take(reader.remaining());
    if (!reader.ok() || sealed.size() > kSealedMax) return {};

    const auto key = std::ranges::find(keys_, kid, &Key::id);
    if (key == keys_.end()) return {};
    auto block = crypto::aes_gcm_open(key->value.reveal(), nonce, as_bytes(server_name_), sealed);
    if (!block) return {};
    auto opened = decode(*block, key->lifetime, wall);
    wipe(*block);
    return opened;
}

}  // namespace turnpike::core
