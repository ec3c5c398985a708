#include "turn/core/authenticator.hpp"

#include "turn/stun/integrity.hpp"

namespace turnpike::core {
namespace {

using stun::Attribute;
using stun::ErrorCode;

constexpr std::size_t kUsernameMax = 508;  // RFC 8489 §14.3: fewer than 509 bytes

// Which integrity attribute counts: the stronger one where there are both (§9.2.4).
Integrity integrity_of(const stun::MessageView& message) noexcept {
    if (message.has(Attribute::MessageIntegritySha256)) return Integrity::Sha256;
    if (message.has(Attribute::MessageIntegrity)) return Integrity::Sha1;
    return Integrity::None;
}

bool well_sized(const stun::MessageView& message, Integrity integrity) noexcept {
    if (integrity == Integrity::Sha1) return message.find(Attribute::MessageIntegrity)->size() == 20;
    const std::size_t size = message.find(Attribute::MessageIntegritySha256)->size();
    return size >= 16 && size <= 32 && size % 4 == 0;
}

bool genuine(const stun::MessageView& message, Integrity integrity, ByteView key) noexcept {
    return integrity == Integrity::Sha1 ? stun::verify_message_integrity(message, key)
                                        : stun::verify_message_integrity_sha256(message, key);
}

}  // namespace

Authenticator::Authenticator(const Nonces& nonces, std::shared_ptr<const CredentialSource> credentials)
    : nonces_(nonces), credentials_(std::move(credentials)) {}

void Authenticator::set_credentials(std::shared_ptr<const CredentialSource> credentials) {
    credentials_ = std::move(credentials);
}

std::expected<Identity, Authenticator::Refusal> Authenticator::verify(const stun::MessageView& message,
                                                                      const FiveTuple& tuple, std::string_view realm,
                                                                      const Allocation* live, WallTime wall) const {
    const Integrity integrity = integrity_of(message);
    if (integrity == Integrity::None) return std::unexpected{Refusal{ErrorCode::Unauthenticated}};

    const auto username = message.find(Attribute::Username);
    const auto said_realm = message.find(Attribute::Realm);
    const auto nonce = message.find(Attribute::Nonce);
    const bool named = username || message.has(Attribute::Userhash);
    // We offer no password algorithms, so a request that answers an offer was tampered with (§9.2.4).
    const bool algorithm = message.has(Attribute::PasswordAlgorithm) || message.has(Attribute::PasswordAlgorithms);
    if (!named || !said_realm || !nonce || algorithm || !well_sized(message, integrity)) {
        return std::unexpected{Refusal{ErrorCode::BadRequest}};
    }

    const Nonces::Verdict age = nonces_.judge(as_text(*nonce), tuple, realm, wall);
    if (age == Nonces::Verdict::Foreign) return std::unexpected{Refusal{ErrorCode::StaleNonce}};
    const Refusal unauthenticated{ErrorCode::Unauthenticated, true};

    if (as_text(*said_realm) != realm) return std::unexpected{unauthenticated};
    // USERHASH alone: username anonymity is not offered, so no hash is known.
    if (!username || username->empty() || username->size() > kUsernameMax) return std::unexpected{unauthenticated};

    Identity identity;
    identity.username = as_text(*username);
    identity.integrity = integrity;
    identity.stale = age == Nonces::Verdict::Old;

    if (live != nullptr && live->username == identity.username && genuine(message, integrity, live->key.reveal())) {
        identity.subject = live->subject;
        identity.key = live->key;
        return identity;
    }
    for (Candidate& candidate : credentials_->find(identity.username, realm)) {
        const crypto::Md5 key = stun::long_term_key_md5(identity.username, realm, as_text(candidate.password.reveal()));
        if (!genuine(message, integrity, key)) continue;
        identity.subject = std::move(candidate.subject);
        identity.key = Secret{ByteView{key}};
        identity.expires_at = candidate.expires_at;
        identity.limits = candidate.limits;
        return identity;
    }
    return std::unexpected{unauthenticated};
}

}  // namespace turnpike::core
