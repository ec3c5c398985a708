#include "turn/core/authenticator.hpp"

#include <algorithm>

#include "common/crypto/base64.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"

namespace turnpike::core {
namespace {

using stun::Attribute;
using stun::ErrorCode;
using stun::PasswordAlgorithm;

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

bool genuine(const stun::MessageView& message, ByteView key) noexcept {
    return integrity_of(message) == Integrity::Sha1 ? stun::verify_message_integrity(message, key)
                                                    : stun::verify_message_integrity_sha256(message, key);
}

// Whether PASSWORD-ALGORITHMS is what was offered, entry by entry; none of ours has parameters.
bool echoes(ByteView list, std::span<const PasswordAlgorithm> offered) noexcept {
    for (const PasswordAlgorithm algorithm : offered) {
        const auto entry = stun::next_password_algorithm(list);
        if (!entry || entry->algorithm != static_cast<std::uint16_t>(algorithm) || !entry->parameters.empty()) return false;
    }
    return list.empty();
}

std::string subject_of_token(std::string_view kid, const Secret& session_key) {
    // A token names nobody: what it is called by must tell it from the others, and not tell its key.
    const crypto::Sha256 digest = crypto::sha256({session_key.reveal()});
    return std::string{kid} + "." + crypto::base64url(ByteView{digest}.first(9));
}

}  // namespace

Authenticator::Authenticator(const Config& config, const Nonces& nonces,
                             std::shared_ptr<const CredentialSource> credentials)
    : sha256_(config.sha256), userhash_(config.userhash), nonces_(nonces), credentials_(std::move(credentials)) {}

void Authenticator::set_credentials(std::shared_ptr<const CredentialSource> credentials) {
    credentials_ = std::move(credentials);
}

Authenticator::Verdict Authenticator::verify(const stun::MessageView& message, const FiveTuple& tuple,
                                             std::string_view realm, const Allocation* live, WallTime wall) const {
    const Integrity integrity = integrity_of(message);
    if (integrity == Integrity::None) return std::unexpected{Refusal{ErrorCode::Unauthenticated}};

    const auto said_realm = message.find(Attribute::Realm);
    const auto nonce = message.find(Attribute::Nonce);
    const bool named = message.has(Attribute::Username) || message.has(Attribute::Userhash);
    if (!named || !said_realm || !nonce || nonce->empty() || !well_sized(message, integrity)) {
        return std::unexpected{Refusal{ErrorCode::BadRequest}};
    }
    const Nonces::Judgement judged = nonces_.judge(as_text(*nonce), tuple, realm, wall);
    if (judged.verdict == Nonces::Verdict::Foreign) return std::unexpected{Refusal{ErrorCode::StaleNonce}};

    const auto algorithm = algorithm_of(message, judged.features);
    if (!algorithm) return std::unexpected{algorithm.error()};
    const Refusal unauthenticated{ErrorCode::Unauthenticated, true};
    if (as_text(*said_realm) != realm) return std::unexpected{unauthenticated};
    auto username = name_of(message, realm, live, judged.features);
    if (!username || username->empty() || username->size() > kUsernameMax) return std::unexpected{unauthenticated};

    Identity identity;
    identity.username = std::move(*username);
    identity.stale = judged.verdict == Nonces::Verdict::Old;
    if (!prove(message, *algorithm, realm, live, wall, identity)) return std::unexpected{unauthenticated};

    // §9.2.4: the stronger attribute, unless the request knew nothing of algorithms. Who has a session key
    // has no algorithm to name; there its own choice tells.
    const bool strong = message.has(Attribute::PasswordAlgorithm) ||
                        (identity.third_party && integrity == Integrity::Sha256);
    identity.integrity = strong ? Integrity::Sha256 : Integrity::Sha1;
    return identity;
}

// §9.2.4 and §9.2.1: the nonce proves what was offered, so what comes back must be that.
std::expected<PasswordAlgorithm, Authenticator::Refusal> Authenticator::algorithm_of(const stun::MessageView& message,
                                                                                     SecurityFeatures told) const {
    const auto chosen = message.find(Attribute::PasswordAlgorithm);
    const auto list = message.find(Attribute::PasswordAlgorithms);
    if (!chosen && !list) return PasswordAlgorithm::Md5;

    const auto bad = std::unexpected{Refusal{ErrorCode::BadRequest, true}};
    if (!chosen || !list || !told.password_algorithms) return bad;
    const auto offered = offered_algorithms(sha256_);
    if (!echoes(*list, offered)) return bad;
    const auto entry = stun::decode_password_algorithm(*chosen);
    if (!entry || !entry->parameters.empty()) return bad;
    const auto algorithm = static_cast<PasswordAlgorithm>(entry->algorithm);
    if (std::ranges::find(offered, algorithm) == offered.end()) return bad;
    return algorithm;
}

// USERNAME, or who is behind USERHASH.
std::optional<std::string> Authenticator::name_of(const stun::MessageView& message, std::string_view realm,
                                                  const Allocation* live, SecurityFeatures told) const {
    if (const auto username = message.find(Attribute::Username)) return std::string{as_text(*username)};
    const ByteView hash = message.find(Attribute::Userhash).value_or(ByteView{});
    if (!told.username_anonymity) return {};
    if (live != nullptr && std::ranges::equal(stun::userhash(live->credential->username(), realm), hash)) {
        return std::string{live->credential->username()};
    }
    return credentials_->name_of(hash, realm);
}

bool Authenticator::prove(const stun::MessageView& message, PasswordAlgorithm algorithm, std::string_view realm,
                          const Allocation* live, WallTime wall, Identity& identity) const {
    if (message.has(Attribute::AccessToken) && credentials_->third_party() != nullptr) {
        return by_token(message, wall, identity);
    }
    // What is required is the whole of it, key and attribute. A session key is no password.
    const bool weak = algorithm != PasswordAlgorithm::Sha256 || integrity_of(message) != Integrity::Sha256;
    const bool refused = sha256_ == Config::Sha256::Require && weak;
    const CredentialEntry* const own = live != nullptr ? &*live->credential : nullptr;
    const bool asked = own != nullptr && own->username() == identity.username && (own->third_party() || !refused);
    if (asked && genuine(message, own->key_of(algorithm))) {
        identity.third_party = own->third_party();
        identity.subject = own->subject();
        identity.keys = own->keys();
        identity.key = identity.keys.of(algorithm);
        return true;
    }
    return !refused && by_password(message, algorithm, realm, identity);
}

// RFC 7635 §4.1.1: the token says with which key the request is signed.
bool Authenticator::by_token(const stun::MessageView& message, WallTime wall, Identity& identity) const {
    const auto token =
        credentials_->third_party()->open(identity.username, *message.find(Attribute::AccessToken), wall);
    if (!token) return false;
    // coturn's clients and server sign with as many bytes of it as an MD5 key has.
    const Secret cut{token->session_key.reveal().first(std::min(token->session_key.size(), sizeof(crypto::Md5)))};
    const bool whole = genuine(message, token->session_key.reveal());
    if (!whole && !genuine(message, cut.reveal())) return false;
    identity.third_party = identity.by_token = true;
    identity.subject = subject_of_token(identity.username, token->session_key);
    identity.key = whole ? token->session_key : cut;
    identity.keys = LongTermKeys::of_session_key(identity.key);
    identity.authorized_until = token->expires_at;
    return true;
}

bool Authenticator::by_password(const stun::MessageView& message, PasswordAlgorithm algorithm, std::string_view realm,
                                Identity& identity) const {
    for (Candidate& candidate : credentials_->find(identity.username, realm)) {
        LongTermKeys keys =
            LongTermKeys::of_password(identity.username, realm, as_text(candidate.password.reveal()));
        if (!genuine(message, keys.of(algorithm).reveal())) continue;
        identity.subject = std::move(candidate.subject);
        identity.key = keys.of(algorithm);
        identity.keys = std::move(keys);
        identity.expires_at = candidate.expires_at;
        identity.limits = candidate.limits;
        return true;
    }
    return false;
}

SecurityFeatures Authenticator::features() const noexcept {
    return {sha256_ != Config::Sha256::Off, userhash_ && credentials_->knows_hashes()};
}

Nonces::Text Authenticator::challenge(stun::MessageBuilder& message, const FiveTuple& tuple, std::string_view realm,
                                      WallTime wall) const {
    const SecurityFeatures told = features();
    const Nonces::Text nonce = nonces_.make(tuple, realm, wall, told);
    message.text(Attribute::Realm, realm).text(Attribute::Nonce, nonce.view());
    if (told.password_algorithms) message.password_algorithms(offered_algorithms(sha256_));
    if (const ThirdParty* third_party = credentials_->third_party()) {
        message.text(Attribute::ThirdPartyAuthorization, third_party->server_name());
    }
    return nonce;
}

std::size_t Authenticator::challenge_size(std::string_view realm) const noexcept {
    const ThirdParty* third_party = credentials_->third_party();
    return core::challenge_size(realm, features(), sha256_,
                                third_party != nullptr ? third_party->server_name() : std::string_view{});
}

std::size_t challenge_size(std::string_view realm, SecurityFeatures features, Config::Sha256 sha256,
                           std::string_view third_party) noexcept {
    const auto attribute = [](std::size_t size) { return 4 + (size + 3) / 4 * 4; };
    std::size_t size = stun::kHeaderSize + attribute(4) + attribute(realm.size()) +
                       attribute(Nonces::size_with(features));
    if (features.password_algorithms) size += attribute(4 * offered_algorithms(sha256).size());
    if (!third_party.empty()) size += attribute(third_party.size());
    return size;
}

}  // namespace turnpike::core
