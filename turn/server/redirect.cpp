#include "turn/server/redirect.hpp"

#include <algorithm>

#include "common/config/units.hpp"

namespace turnpike::relay {
namespace {

constexpr std::size_t kServersMax = 256;
constexpr std::size_t kDomainBytesMax = 253;

std::vector<Endpoint> endpoints(config::Table& redirect, std::string_view key) {
    std::vector<std::string> texts;
    std::vector<Endpoint> out;
    redirect.texts(key, texts);
    for (const std::string& text : texts) {
        const auto endpoint = config::parse_endpoint(text);
        if (!endpoint) {
            redirect.problem(key, "has \"" + text + "\", which " + endpoint.error());
        } else if (endpoint->address.is_unspecified() || endpoint->port == 0) {
            redirect.problem(key, "has \"" + text + "\", which nobody can be sent to");
        } else {
            out.push_back(*endpoint);
        }
    }
    if (out.size() > kServersMax) redirect.problem(key, "has more than 256 servers");
    return out;
}

/// Every address at which clients may know this node.
std::vector<Endpoint> self(const Machine& machine, const Config& config) {
    std::vector<Endpoint> out;
    for (const net::Listener& listener : config.net.listeners) {
        const Endpoint& at = listener.address;
        const bool any = at.address.is_unspecified();
        out.push_back(at);
        if (any) {
            for (const IpAddress& address : machine.addresses) out.push_back({address, at.port});
        }
        for (const auto& relay : config.net.relay_addresses) {
            if (any || relay.local == at.address) out.push_back({relay.external, at.port});
        }
    }
    return out;
}

}  // namespace

void read_redirect(config::Table redirect, const Machine& machine, Config& config) {
    core::Redirection::Servers servers;
    servers.plain = endpoints(redirect, "servers");
    servers.secure = endpoints(redirect, "tls_servers");
    if (!redirect.has("tls_servers")) servers.secure = servers.plain;
    std::string domain;
    if (redirect.text("domain", domain)) {
        const bool name = !domain.empty() && domain.size() <= kDomainBytesMax &&
                          std::all_of(domain.begin(), domain.end(), [](char c) {
                              return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                     (c >= '0' && c <= '9') || c == '-' || c == '.';
                          });
        if (!name)
            redirect.problem("domain",
                             "is no host name: letters, digits, '-' and '.', at most 253 bytes");
        if (servers.secure.empty())
            redirect.problem("domain", "is of no use without redirect.servers");
    }
    config.net.core.redirection =
        core::Redirection{std::move(servers), self(machine, config), std::move(domain)};
}

}  // namespace turnpike::relay
