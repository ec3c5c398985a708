#include "turn/core/credentials.hpp"

#include <algorithm>

#include "common/crypto/opaque_string.hpp"
#include "turn/stun/integrity.hpp"

namespace turnpike::core {
namespace {

constexpr std::size_t kCandidatesMax = 8;

std::optional<std::uint32_t> capped(std::optional<std::uint32_t> asked, std::optional<std::uint32_t> cap) {
    if (!asked || !cap) return asked;
    return std::min(*asked, *cap);
}

}  // namespace

CredentialChain::CredentialChain(std::vector<StaticUser> users, std::vector<crypto::RestSecret> secrets,
                                 crypto::Capability cap, std::vector<std::string> realms,
                                 std::optional<ThirdParty> third_party)
    : secrets_(std::move(secrets)), cap_(cap), third_party_(std::move(third_party)) {
    for (StaticUser& user : users) {
        const std::string_view password = as_text(user.password.reveal());
        const auto prepared = crypto::opaque_string(password);
        User kept;
        kept.name = crypto::opaque_string(user.name).value_or(user.name);
        kept.raw_name = std::move(user.name);
        if (prepared && *prepared != password) {
            kept.password = Secret{std::string_view{*prepared}};
            kept.raw_password = std::move(user.password);
        } else {
            kept.password = std::move(user.password);
        }
        users_.push_back(std::move(kept));
    }
    for (const std::string& realm : realms) {
        for (std::size_t i = 0; i < users_.size(); ++i) hashes_.push_back({stun::userhash(users_[i].name, realm), i});
    }
    std::ranges::sort(hashes_, {}, &Hash::value);
}

std::optional<std::string> CredentialChain::name_of(ByteView userhash, std::string_view realm) const {
    crypto::Sha256 wanted{};
    if (userhash.size() != wanted.size()) return {};
    std::ranges::copy(userhash, wanted.begin());
    const auto found = std::ranges::lower_bound(hashes_, wanted, {}, &Hash::value);
    if (found == hashes_.end() || found->value != wanted) return {};
    const std::string& name = users_[found->user].name;
    if (stun::userhash(name, realm) != wanted) return {};  // of another realm of ours
    return name;
}

std::vector<Candidate> CredentialChain::find(std::string_view username, std::string_view /*realm*/) const {
    std::vector<Candidate> candidates;
    add_static(username, candidates);
    add_rest(username, candidates);
    return candidates;
}

void CredentialChain::add_static(std::string_view username, std::vector<Candidate>& candidates) const {
    const auto add = [&](const Secret& password, const std::string& subject) {
        if (candidates.size() < kCandidatesMax) candidates.push_back({password, subject, {}, {}});
    };
    for (const User& user : users_) {
        if (user.name != username && user.raw_name != username) continue;
        add(user.password, user.name);
        if (user.raw_password) add(*user.raw_password, user.name);
    }
}

void CredentialChain::add_rest(std::string_view username, std::vector<Candidate>& candidates) const {
    const auto name = crypto::RestUsername::parse(username);
    if (!name) return;

    const auto add = [&](const crypto::RestSecret& secret) {
        if (candidates.size() == kCandidatesMax) return;
        Candidate candidate;
        candidate.expires_at = name->expires_at;
        if (secret.issued_by_turnpike) {
            const auto limits = name->capability();
            if (!limits) return;
            candidate.subject = name->subject;
            candidate.limits.allocations = capped(limits->allocations, cap_.allocations);
            candidate.limits.bandwidth_kbit_s = capped(limits->bandwidth_kbit_s, cap_.bandwidth_kbit_s);
            candidate.limits.relay_peers_only = limits->relay_peers_only || cap_.relay_peers_only;
        } else {
            candidate.subject = name->rest;  // opaque: ';' means nothing to another issuer
        }
        candidate.password = Secret{crypto::rest_password(secret, username)};
        candidates.push_back(std::move(candidate));
    };
    const std::string_view kid = name->kid();
    const auto named = [&](const crypto::RestSecret& secret) { return !kid.empty() && secret.kid == kid; };
    for (const crypto::RestSecret& secret : secrets_) {
        if (named(secret)) add(secret);
    }
    for (const crypto::RestSecret& secret : secrets_) {
        if (!named(secret)) add(secret);
    }
}

}  // namespace turnpike::core
