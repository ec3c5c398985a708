#include "turn/core/redirection.hpp"

#include <algorithm>

#include "common/base/hash.hpp"

namespace turnpike::core {
namespace {

// The same on every node: a list decides, no key.
std::uint64_t weight(const Endpoint& server, std::string_view realm, std::string_view subject) {
    std::string text = server.to_string();
    text.append(1, '\0').append(realm).append(1, '\0').append(subject);
    return keyed_hash(0, 0, as_bytes(text));
}

bool is_secure(Transport transport) noexcept {
    return transport == Transport::Tls || transport == Transport::Dtls;
}

}  // namespace

Redirection::Redirection(Servers servers, std::vector<Endpoint> self, std::string domain)
    : servers_(std::move(servers)), self_(std::move(self)), domain_(std::move(domain)) {}

bool Redirection::is_self(const Endpoint& server, const FiveTuple& tuple) const noexcept {
    return server == tuple.server || std::ranges::find(self_, server) != self_.end();
}

std::optional<Redirection::Alternate> Redirection::of(const FiveTuple& tuple,
                                                      std::string_view realm,
                                                      std::string_view subject) const {
    const bool secure = is_secure(tuple.transport);
    const Endpoint* best = nullptr;
    std::uint64_t best_weight = 0;
    for (const Endpoint& server : secure ? servers_.secure : servers_.plain) {
        if (server.address.family() != tuple.client.address.family()) continue;
        const std::uint64_t its_weight = weight(server, realm, subject);
        if (best != nullptr && its_weight <= best_weight) continue;
        best = &server;
        best_weight = its_weight;
    }
    if (best == nullptr || is_self(*best, tuple)) return {};
    return Alternate{*best, secure ? std::string_view{domain_} : std::string_view{}};
}

}  // namespace turnpike::core
