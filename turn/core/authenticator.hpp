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
    Secret key;
    Integrity integrity = Integrity::Sha1;
    std::optional<WallTime> expires_at;  // of a TURN REST credential looked up now
    crypto::Capability limits;
    bool stale = false;                  // all is right but the nonce's age: 438
};

/// The long-term credential mechanism, RFC 8489 §9.2.4, with MD5 keys; a client that was offered no
/// password algorithms has nothing else.
///
/// Order: no integrity → 401; attributes missing → 400; a nonce that we cannot have made → 438,
/// before any key is derived; realm, username, integrity → 401; and only then the nonce's age.
class Authenticator {
public:
    struct Refusal {
        stun::ErrorCode code{};
        bool proven = false;  // the nonce shows that the client really is at its address
    };

    Authenticator(const Nonces& nonces, std::shared_ptr<const CredentialSource> credentials);
    void set_credentials(std::shared_ptr<const CredentialSource> credentials);

    /// `live` is the allocation of the 5-tuple, if any: its own username is checked with its own key,
    /// whatever became of the secret since.
    std::expected<Identity, Refusal> verify(const stun::MessageView& message, const FiveTuple& tuple,
                                            std::string_view realm, const Allocation* live, WallTime wall) const;

private:
    const Nonces& nonces_;
    std::shared_ptr<const CredentialSource> credentials_;  // shared: an immutable snapshot of all workers
};

}  // namespace turnpike::core
