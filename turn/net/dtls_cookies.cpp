#include "turn/net/dtls_cookies.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace turnpike::net {
namespace {

using Mac = std::array<std::uint8_t, 32>;

Mac hmac(ByteView key, ByteView data) noexcept {
    Mac mac{};
    unsigned size = mac.size();
    ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), mac.data(), &size);
    return mac;
}

std::int64_t period_of(Instant now) noexcept { return now.time_since_epoch() / DtlsCookies::kRotation; }

DtlsCookies::Peer* peer_of(SSL* ssl) noexcept { return static_cast<DtlsCookies::Peer*>(SSL_get_app_data(ssl)); }

int generate(SSL* ssl, unsigned char* cookie, unsigned* size) {
    const DtlsCookies::Peer* const peer = peer_of(ssl);
    if (peer == nullptr || peer->cookies == nullptr) return 0;
    std::ranges::copy(peer->cookies->make(*peer->tuple, peer->now), cookie);
    *size = DtlsCookies::kSize;
    return 1;
}

int verify(SSL* ssl, const unsigned char* cookie, unsigned size) {
    const DtlsCookies::Peer* const peer = peer_of(ssl);
    if (peer == nullptr || peer->cookies == nullptr) return 0;
    return peer->cookies->valid({cookie, size}, *peer->tuple, peer->now) ? 1 : 0;
}

}  // namespace

DtlsCookies::Cookie DtlsCookies::make_in(std::int64_t period, const FiveTuple& tuple) const noexcept {
    std::array<std::uint8_t, 8> number;
    store_u64(number, 0, static_cast<std::uint64_t>(period));
    const Mac key = hmac(secret_, number);
    std::array<std::uint8_t, 40> bound{};
    std::ranges::copy(tuple.client.address.raw(), bound.begin());
    std::ranges::copy(tuple.server.address.raw(), bound.begin() + 16);
    store_u16(bound, 32, tuple.client.port);
    store_u16(bound, 34, tuple.server.port);
    bound[36] = static_cast<std::uint8_t>(tuple.client.address.family());
    const Mac mac = hmac(key, bound);
    Cookie cookie;
    std::copy_n(mac.begin(), cookie.size(), cookie.begin());
    return cookie;
}

DtlsCookies::Cookie DtlsCookies::make(const FiveTuple& tuple, Instant now) const noexcept {
    return make_in(period_of(now), tuple);
}

bool DtlsCookies::valid(ByteView cookie, const FiveTuple& tuple, Instant now) const noexcept {
    if (cookie.size() != kSize) return false;
    const std::int64_t period = period_of(now);
    const Cookie current = make_in(period, tuple), last = make_in(period - 1, tuple);
    return ::CRYPTO_memcmp(cookie.data(), current.data(), kSize) == 0 ||
           ::CRYPTO_memcmp(cookie.data(), last.data(), kSize) == 0;
}

void DtlsCookies::use_for(ssl_ctx_st* context) noexcept {
    ::SSL_CTX_set_cookie_generate_cb(context, &generate);
    ::SSL_CTX_set_cookie_verify_cb(context, &verify);
}

void DtlsCookies::set_peer(ssl_st* ssl, Peer* peer) noexcept { SSL_set_app_data(ssl, peer); }

}  // namespace turnpike::net
