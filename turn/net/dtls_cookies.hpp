#pragma once

#include <array>

#include "common/base/clock.hpp"
#include "common/base/five_tuple.hpp"
#include "common/base/random.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace turnpike::net {

/// The cookies that prove that a DTLS client receives what is sent to its address, before anything is
/// kept for it: a MAC over its 5-tuple under a key that changes every kRotation. The last key's
/// are good too, so a cookie lives for one to two rotations.
///
/// Threading  any; immutable (the node's, so that any worker accepts any worker's)
/// Source     RFC 6347 §4.2.1
class DtlsCookies {
public:
    static constexpr Seconds kRotation = 30s;
    static constexpr std::size_t kSize = 16;
    using Cookie = std::array<std::uint8_t, kSize>;

    explicit DtlsCookies(Random& random) { random.fill_secret(secret_); }

    Cookie make(const FiveTuple& tuple, Instant now) const noexcept;
    bool valid(ByteView cookie, const FiveTuple& tuple, Instant now) const noexcept;

    /// Whom the cookies that an SSL object makes and checks are for; set_peer() before each use of it.
    struct Peer {
        const DtlsCookies* cookies = nullptr;
        const FiveTuple* tuple = nullptr;
        Instant now{};
    };
    static void use_for(ssl_ctx_st* context) noexcept;
    /// `peer` must live as long as the SSL object is used.
    static void set_peer(ssl_st* ssl, Peer* peer) noexcept;

private:
    Cookie make_in(std::int64_t period, const FiveTuple& tuple) const noexcept;

    std::array<std::uint8_t, 32> secret_{};
};

}  // namespace turnpike::net
