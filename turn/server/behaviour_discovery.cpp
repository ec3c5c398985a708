#include "turn/server/behaviour_discovery.hpp"

#include <algorithm>
#include <cstdio>

namespace turnpike::relay {
namespace {

/// Whether a UDP listener of [[listen]] gets what is sent to `at`.
bool covered(const std::vector<Listening>& listening, const Endpoint& at) {
    return std::any_of(listening.begin(), listening.end(), [&](const Listening& listener) {
        const Endpoint& bound = listener.net.address;
        const bool address =
            bound.address == at.address ||
            (bound.address.is_unspecified() && bound.address.family() == at.address.family());
        return listener.net.transport == Transport::Udp && address && bound.port == at.port;
    });
}

bool check_addresses(config::Table& table, const std::vector<IpAddress>& addresses,
                     const Machine& machine) {
    bool good = true;
    const auto bad = [&](const std::string& why) {
        table.problem("addresses", why);
        good = false;
    };
    for (auto at = addresses.begin(); at != addresses.end(); ++at) {
        if (!machine.has(*at))
            bad("has " + at->to_string() + ", which is no address of this machine");
        if (std::find(addresses.begin(), at, *at) != at) bad("has " + at->to_string() + " twice");
    }
    for (const Family family : {Family::V4, Family::V6}) {
        const auto count = std::count_if(addresses.begin(), addresses.end(),
                                         [&](const IpAddress& a) { return a.family() == family; });
        if (count > 2)
            bad("has more than two addresses of a family; the second is the other of the first");
    }
    return good;
}

}  // namespace

void read_behaviour_discovery(config::Document& document, const Machine& machine,
                              const std::string& realm, std::vector<Listening>& listening,
                              core::Config& core) {
    config::Table table = document.root().table("behaviour_discovery");
    core::Config::BehaviourDiscovery& discovery = core.behaviour_discovery;
    std::vector<IpAddress> addresses;
    std::vector<std::uint16_t> ports = {3478, 3479};
    table.addresses("addresses", addresses);
    table.ports("ports", ports);
    if (addresses.empty()) return;
    if (ports.size() != 2 || ports[0] == ports[1]) {
        table.problem("ports", "must have two different ports");
        return;
    }
    if (!check_addresses(table, addresses, machine)) return;

    discovery.addresses = std::move(addresses);
    discovery.ports = {ports[0], ports[1]};
    for (const IpAddress& address : discovery.addresses) {
        for (const std::uint16_t port : discovery.ports) {
            const Endpoint at{address, port};
            if (covered(listening, at)) continue;
            net::Listener listener;
            listener.address = at;
            listener.realm = realm;
            listening.push_back({std::move(listener), table.place("addresses"), {}});
        }
    }
    if (const double ratio = discovery_amplification(discovery); ratio > 3) {
        char text[16];
        std::snprintf(text, sizeof text, "%.2f", ratio);
        table.warning("addresses",
                      std::string{"has IPv6, where the answer to a stranger's Binding is "} + text +
                          " times the request; 3 is a good limit");
    }
}

double discovery_amplification(const core::Config::BehaviourDiscovery& discovery) {
    // A header, and an answer with XOR-MAPPED-ADDRESS, RESPONSE-ORIGIN and OTHER-ADDRESS.
    constexpr double kHeader = 20, kAddressV4 = 12, kAddressV6 = 24;
    double worst = 0;
    for (const IpAddress& address : discovery.addresses) {
        const bool other = std::any_of(
            discovery.addresses.begin(), discovery.addresses.end(), [&](const IpAddress& one) {
                return one != address && one.family() == address.family();
            });
        const double size = address.is_v4() ? kAddressV4 : kAddressV6;
        worst = std::max(worst, (kHeader + size * (other ? 3 : 2)) / kHeader);
    }
    return worst;
}

}  // namespace turnpike::relay
