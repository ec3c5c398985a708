#pragma once

#include <span>

#include "turn/core/config.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::core {

/// What the nonce cookie says that the server can do: RFC 8489 §9.2 and §18.1.
struct SecurityFeatures {
    bool password_algorithms = false;  // bit 0, the most significant of the 24
    bool username_anonymity = false;   // bit 1

    constexpr bool any() const noexcept { return password_algorithms || username_anonymity; }
    friend bool operator==(SecurityFeatures, SecurityFeatures) noexcept = default;
};

/// The value of PASSWORD-ALGORITHMS for a setting, the preferred one first; empty: not offered.
inline std::span<const stun::PasswordAlgorithm> offered_algorithms(Config::Sha256 setting) noexcept {
    using enum stun::PasswordAlgorithm;
    static constexpr stun::PasswordAlgorithm kBoth[] = {Sha256, Md5}, kStrong[] = {Sha256};
    switch (setting) {
        case Config::Sha256::Off: return {};
        case Config::Sha256::Offer: return kBoth;
        case Config::Sha256::Require: return kStrong;
    }
    return {};
}

}  // namespace turnpike::core
