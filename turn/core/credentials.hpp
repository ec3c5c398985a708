#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "common/crypto/digest.hpp"
#include "common/crypto/turn_rest.hpp"
#include "turn/core/third_party.hpp"

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

    /// The username behind a USERHASH (RFC 8489 §14.4), where there is a list of them to look in.
    virtual std::optional<std::string> name_of(ByteView /*userhash*/, std::string_view /*realm*/) const { return {}; }
    /// Whether name_of() can find anybody: only then is username anonymity offered.
    virtual bool knows_hashes() const noexcept { return false; }
    /// Who else may let clients in (RFC 7635); nullptr: nobody.
    virtual const ThirdParty* third_party() const noexcept { return nullptr; }
};

/// As configured; CredentialChain prepares both by the OpaqueString profile.
struct StaticUser {
    std::string name;
    Secret password;
};

/// Static users first, then TURN REST secrets, the one that `;k=` names first (DESIGN 5). Limits are
/// read only from secrets issued by Turnpike and are capped by `cap`; malformed ones make the
/// username unknown.
///
/// A static user's password is tried as OpaqueString makes it and, where that differs, as it is written:
/// browsers hash the bytes that they are given. A name matches in either form.
class CredentialChain final : public CredentialSource {
public:
    /// `realms` are those in which USERHASH may name a static user.
    CredentialChain(std::vector<StaticUser> users, std::vector<crypto::RestSecret> secrets, crypto::Capability cap,
                    std::vector<std::string> realms = {}, std::optional<ThirdParty> third_party = {});
    std::vector<Candidate> find(std::string_view username, std::string_view realm) const override;
    std::optional<std::string> name_of(ByteView userhash, std::string_view realm) const override;
    bool knows_hashes() const noexcept override { return !hashes_.empty(); }
    const ThirdParty* third_party() const noexcept override { return third_party_ ? &*third_party_ : nullptr; }

private:
    struct User {
        std::string name, raw_name;
        Secret password;
        std::optional<Secret> raw_password;  // where it differs
    };
    struct Hash {
        crypto::Sha256 value;
        std::size_t user;
    };

    void add_static(std::string_view username, std::vector<Candidate>& candidates) const;
    void add_rest(std::string_view username, std::vector<Candidate>& candidates) const;

    std::vector<User> users_;
    std::vector<Hash> hashes_;  // sorted by value
    std::vector<crypto::RestSecret> secrets_;
    crypto::Capability cap_;
    std::optional<ThirdParty> third_party_;
};

}  // namespace turnpike::core
