#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "turn/core/allocation.hpp"
#include "turn/core/credentials.hpp"
#include "turn/core/nonce.hpp"
#include "turn/core/reply.hpp"

namespace turnpike::core {

/// Who a request proved to come from.
struct Identity {
    std::string username, subject;
    LongTermKeys keys;
    Secret key;                              // of `keys`: what this request is signed with
    Integrity integrity = Integrity::Sha1;   // of the answers
    bool third_party = false;                // let in by an access token (RFC 7635)
    bool by_token = false;                   // and the token is in this request
    std::optional<WallTime> expires_at;      // of a TURN REST credential looked up now
    std::optional<WallTime> authorized_until;  // of an access token: no allocation outlives it
    crypto::Capability limits;
    bool stale = false;                      // all is right but the nonce's age: 438
};

/// The long-term credential mechanism, RFC 8489 §9.2.4, with all that it offers: both password
/// algorithms under bid-down protection, usernames or their hashes, access tokens.
///
/// Order: no integrity → 401; attributes missing → 400; a nonce that we cannot have made → 438,
/// before any key is derived; an answer to algorithms that were not offered like that → 400; realm,
/// username, integrity → 401; and only then the nonce's age.
class Authenticator {
public:
    struct Refusal {
        stun::ErrorCode code{};
        bool proven = false;  // the nonce shows that the client really is at its address
    };

    Authenticator(const Config& config, const Nonces& nonces, std::shared_ptr<const CredentialSource> credentials);
    void set_credentials(std::shared_ptr<const CredentialSource> credentials);

    /// `live` is the allocation of the 5-tuple, if any: its own username is checked with its own keys,
    /// whatever became of the secret since.
    std::expected<Identity, Refusal> verify(const stun::MessageView& message, const FiveTuple& tuple,
                                            std::string_view realm, const Allocation* live, WallTime wall) const;

    /// Whether ACCESS-TOKEN means something here.
    bool takes_tokens() const noexcept { return credentials_->third_party() != nullptr; }

    /// Adds what a 401 or 438 has beside its code: REALM, NONCE and what is offered. The nonce.
    Nonces::Text challenge(stun::MessageBuilder& message, const FiveTuple& tuple, std::string_view realm,
                           WallTime wall) const;
    /// Bytes of a whole answer with challenge(), without FINGERPRINT.
    std::size_t challenge_size(std::string_view realm) const noexcept;

private:
    using Verdict = std::expected<Identity, Refusal>;

    SecurityFeatures features() const noexcept;
    std::expected<stun::PasswordAlgorithm, Refusal> algorithm_of(const stun::MessageView& message,
                                                                 SecurityFeatures told) const;
    std::optional<std::string> name_of(const stun::MessageView& message, std::string_view realm,
                                       const Allocation* live, SecurityFeatures told) const;
    bool prove(const stun::MessageView& message, stun::PasswordAlgorithm algorithm, std::string_view realm,
               const Allocation* live, WallTime wall, Identity& identity) const;
    bool by_token(const stun::MessageView& message, WallTime wall, Identity& identity) const;
    bool by_password(const stun::MessageView& message, stun::PasswordAlgorithm algorithm, std::string_view realm,
                     Identity& identity) const;

    Config::Sha256 sha256_;
    bool userhash_;
    const Nonces& nonces_;
    std::shared_ptr<const CredentialSource> credentials_;  // shared: an immutable snapshot of all workers
};

/// Bytes of a 401 without a reason phrase for these parts; an empty `third_party` stands for none.
std::size_t challenge_size(std::string_view realm, SecurityFeatures features, Config::Sha256 sha256,
                           std::string_view third_party) noexcept;

}  // namespace turnpike::core
