#pragma once

#include <array>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/five_tuple.hpp"
#include "common/base/secret.hpp"

namespace turnpike::core {

/// Makes and judges nonces without remembering any: a nonce is its own proof. It holds for one
/// client transport address on one transport in one realm, on every node that has the key.
///
/// Shape   base64url( time(3) ‖ mac(8) ): 15 characters. The top bit of `time` says which of two keys
///         made it, the rest is Unix time in seconds modulo 2^23 (97 days). A nonce cookie (RFC 8489
///         §9.2) goes in front once password algorithms are offered.
/// Source  RFC 8489 §9.2.4 (bound to source address and port); security reference 5.2
class Nonces {
public:
    static constexpr std::size_t kSize = 15;
    using Text = std::array<char, kSize>;

    enum class Verdict : std::uint8_t {
        Foreign,  // not made by us for this client
        Old,      // ours, of another time
        Fresh,
    };

    Nonces(Secret key, Seconds lifetime);

    Text make(const FiveTuple& tuple, std::string_view realm, WallTime wall) const;
    Verdict judge(std::string_view nonce, const FiveTuple& tuple, std::string_view realm, WallTime wall) const;

private:
    std::array<std::uint8_t, 8> mac(std::uint32_t time, const FiveTuple& tuple, std::string_view realm) const;

    Secret key_;
    Seconds lifetime_;
};

}  // namespace turnpike::core
