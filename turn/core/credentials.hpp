#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "common/crypto/turn_rest.hpp"

namespace turnpike::core {

/// One password that a username may have, and what it would be allowed to do.
struct Candidate {
    Secret password;
    std::string subject;              // what quota and revocation count by
    std::optional<WallTime> expires_at;  // TURN REST; enforced on Allocate only
    crypto::Capability limits;
};

/// username and realm → the candidates to try against MESSAGE-INTEGRITY. Never waits.
///
/// An immutable snapshot: reloading makes a new one.
/// Threading  any
class CredentialSource {
public:
    virtual ~CredentialSource() = default;
    /// At most 8 candidates, the likeliest first. None: an unknown user. Expired TURN REST names are
    /// still returned: the caller knows when expiry counts.
    virtual std::vector<Candidate> find(std::string_view username, std::string_view realm) const = 0;
};

struct StaticUser {
    std::string name;
    Secret password;
};

/// Static users first, then TURN REST secrets, the one that `;k=` names first (DESIGN 5). Limits are
/// read only from secrets issued by Turnpike and are capped by `cap`; malformed ones make the
/// username unknown.
class CredentialChain final : public CredentialSource {
public:
    CredentialChain(std::vector<StaticUser> users, std::vector<crypto::RestSecret> secrets,
                    crypto::Capability cap);
    std::vector<Candidate> find(std::string_view username, std::string_view realm) const override;

private:
    std::vector<StaticUser> users_;
    std::vector<crypto::RestSecret> secrets_;
    crypto::Capability cap_;
};

}  // namespace turnpike::core
