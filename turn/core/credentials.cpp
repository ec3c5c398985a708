#include "turn/core/credentials.hpp"

#include <algorithm>

namespace turnpike::core {
namespace {

constexpr std::size_t kCandidatesMax = 8;

std::optional<std::uint32_t> capped(std::optional<std::uint32_t> asked, std::optional<std::uint32_t> cap) {
    if (!asked || !cap) return asked;
    return std::min(*asked, *cap);
}

}  // namespace

CredentialChain::CredentialChain(std::vector<StaticUser> users, std::vector<crypto::RestSecret> secrets,
                                 crypto::Capability cap)
    : users_(std::move(users)), secrets_(std::move(secrets)), cap_(cap) {}

std::vector<Candidate> CredentialChain::find(std::string_view username, std::string_view /*realm*/) const {
    std::vector<Candidate> candidates;
    for (const StaticUser& user : users_) {
        if (candidates.size() == kCandidatesMax) return candidates;
        if (user.name == username) candidates.push_back({user.password, user.name, {}, {}});
    }

    const auto name = crypto::RestUsername::parse(username);
    if (!name) return candidates;

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
    return candidates;
}

}  // namespace turnpike::core
