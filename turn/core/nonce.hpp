#pragma once

#include <array>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/five_tuple.hpp"
#include "common/base/secret.hpp"
#include "turn/core/security_features.hpp"

namespace turnpike::core {

/// Makes and judges nonces without remembering any: a nonce is its own proof. It holds for one
/// client transport address on one transport in one realm, on every node that has the key; and it proves
/// which features and password algorithms were told with it, so that nobody on the way can take one
/// away unseen (bid-down, RFC 8489 §9.2.1).
///
/// Shape   [ "obMatJos2" base64( features(3) ) ] base64url( time(3) ‖ mac(8) ): 15 characters, 28 with the
///         nonce cookie, which is there when there are features to tell. The top bit of `time` says which
///         of two keys made it, the rest is Unix time in seconds modulo 2^23 (97 days).
/// Source  RFC 8489 §9.2 and §9.2.4 (bound to source address and port); security reference 5.2
class Nonces {
public:
    static constexpr std::size_t kCookieSize = 13, kProofSize = 15, kSizeMax = kCookieSize + kProofSize;
    static constexpr std::size_t size_with(SecurityFeatures features) noexcept {
        return features.any() ? kSizeMax : kProofSize;
    }

    class Text {
    public:
        const char* data() const noexcept { return characters_.data(); }
        std::size_t size() const noexcept { return size_; }
        std::string_view view() const noexcept { return {data(), size_}; }

    private:
        friend class Nonces;
        void append(std::string_view more) noexcept;
        std::array<char, kSizeMax> characters_{};
        std::size_t size_ = 0;
    };

    enum class Verdict : std::uint8_t {
        Foreign,  // not made by us for this client
        Old,      // ours, of another time
        Fresh,
    };
    struct Judgement {
        Verdict verdict = Verdict::Foreign;
        SecurityFeatures features;  // that were told with it; none of a foreign one
    };

    /// `sha256` decides which algorithms a nonce with the password-algorithms bit stands for.
    Nonces(Secret key, Seconds lifetime, Config::Sha256 sha256);

    Text make(const FiveTuple& tuple, std::string_view realm, WallTime wall, SecurityFeatures features) const;
    Judgement judge(std::string_view nonce, const FiveTuple& tuple, std::string_view realm, WallTime wall) const;

private:
    std::array<std::uint8_t, 8> mac(std::uint32_t time, const FiveTuple& tuple, std::string_view realm,
                                    SecurityFeatures features) const;

    Secret key_;
    Seconds lifetime_;
    Bytes offer_;  // the algorithms in order, a byte each
};

}  // namespace turnpike::core
