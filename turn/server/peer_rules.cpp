#include "turn/server/peer_rules.hpp"

#include <algorithm>

namespace turnpike::relay {
namespace {

using Mode = core::PeerPolicy::Mode;

constexpr std::initializer_list<std::uint8_t> kNat64Lengths = {32, 40, 48, 56, 64, 96};  // RFC 6052

void read_lists(config::Table table, core::PeerPolicy::Lists& lists) {
    table.cidrs("allow", lists.allow);
    table.cidrs("deny", lists.deny);
    table.port_ranges("allow_ports", lists.allow_ports);
}

void read_nat64(config::Table peers, std::vector<Cidr>& prefixes) {
    if (!peers.cidrs("nat64_prefixes", prefixes)) return;
    for (const Cidr& prefix : prefixes) {
        const bool length = std::find(kNat64Lengths.begin(), kNat64Lengths.end(), prefix.length) !=
                            kNat64Lengths.end();
        if (prefix.base.is_v4() || !length) {
            peers.problem("nat64_prefixes", "has " + prefix.to_string() +
                                                ", which no NAT64 uses: IPv6 prefixes of 32, 40, "
                                                "48, 56, 64 or 96 bits (RFC 6052 section 2.2)");
        }
    }
}

}  // namespace

void read_peer_rules(config::Document& document, config::Table peers,
                     const std::vector<Listening>& listening, const ReadOptions& options,
                     Config& config) {
    core::PeerPolicy::Rules& rules = config.peers;
    rules.mode = options.dev ? Mode::Lab : Mode::Default;
    peers.choice("mode", rules.mode, {{"default", Mode::Default}, {"lab", Mode::Lab}});
    read_lists(peers, rules);
    read_nat64(peers, rules.nat64_prefixes);

    config::Table realms = peers.table("realm");
    const std::vector<std::string> known = config.realms();
    for (const std::string& name : realms.keys()) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            realms.problem(name,
                           "is no realm of a listener; auth.realm and listen.realm name them");
        }
        core::PeerPolicy::Lists& lists = rules.realms[name];
        lists = rules;  // what the realm does not say is the node's
        read_lists(realms.table(name), lists);
    }

    if (rules.mode != Mode::Lab || options.lab) return;
    for (const Listening& listener : listening) {
        if (listener.net.address.address.is_loopback()) continue;
        peers.problem("mode", std::string{"is \"lab\""} + (peers.has("mode") ? "" : " by --dev") +
                                  ", but the listener " + listener.net.address.to_string() + " (" +
                                  document.describe(listener.place) +
                                  ") is not loopback; everybody there could reach this machine's "
                                  "own services. --lab allows it");
        break;
    }
}

std::vector<IpAddress> own_addresses(const Config& config, const Machine& machine) {
    std::vector<IpAddress> denied;
    const auto& relays = config.net.relay_addresses;
    const auto deny = [&](const IpAddress& address) {
        const bool relayed = std::any_of(relays.begin(), relays.end(), [&](const auto& r) {
            return r.local == address || r.external == address;
        });
        const bool lab = config.peers.mode == Mode::Lab &&
                         std::any_of(config.peers.allow.begin(), config.peers.allow.end(),
                                     [&](const CidrPorts& c) { return c.block.contains(address); });
        const bool there = std::find(denied.begin(), denied.end(), address) != denied.end();
        if (!relayed && !lab && !there && !address.is_unspecified()) denied.push_back(address);
    };
    for (const IpAddress& address : machine.addresses) deny(address);
    for (const IpAddress& address : machine.network) deny(address);
    for (const net::Listener& listener : config.net.listeners) {
        deny(listener.address.address);
        if (listener.upstream) deny(listener.upstream->address);
    }
    if (config.common.metrics_address) deny(config.common.metrics_address->address);
    return denied;
}

}  // namespace turnpike::relay
