#pragma once

#include <string_view>

#include "common/base/secret.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::core {

/// The keys of one user in one realm, one for each password algorithm (RFC 8489 §18.5.1). An allocation
/// keeps both: its client may come back with the other algorithm after the password is gone.
///
/// Source  RFC 8489 §9.2.2; with an access token both are its session key (RFC 7635 §4.1.1)
struct LongTermKeys {
    Secret md5, sha256;

    static LongTermKeys of_password(std::string_view username, std::string_view realm, std::string_view password) {
        return {Secret{ByteView{stun::long_term_key_md5(username, realm, password)}},
                Secret{ByteView{stun::long_term_key_sha256(username, realm, password)}}};
    }
    static LongTermKeys of_session_key(const Secret& key) { return {key, key}; }

    const Secret& of(stun::PasswordAlgorithm algorithm) const noexcept {
        return algorithm == stun::PasswordAlgorithm::Sha256 ? sha256 : md5;
    }
};

}  // namespace turnpike::core
