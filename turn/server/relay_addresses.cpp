#include "turn/server/relay_addresses.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "common/config/units.hpp"

namespace turnpike::relay {
namespace {

using Addresses = std::vector<core::RelayDirectory::Address>;

constexpr std::size_t kAddressesMax = 64;

bool contains(const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::find(list.begin(), list.end(), address) != list.end();
}

std::vector<IpAddress> local_addresses(config::Table& relay,
                                       const std::vector<net::Listener>& listeners,
                                       const Machine& machine) {
    std::vector<IpAddress> locals;
    if (relay.addresses("address", locals)) {
        if (locals.empty())
            relay.problem("address", "is an empty list; leave it out for the listeners' addresses");
        if (locals.size() > kAddressesMax) relay.problem("address", "has more than 64 addresses");
        for (std::size_t i = 0; i < locals.size(); ++i) {
            const std::string shown = locals[i].to_string();
            if (locals[i].is_unspecified()) {
                relay.problem("address",
                              "has " + shown + "; a relayed address must be a certain one");
            } else if (!machine.has(locals[i])) {
                relay.problem(
                    "address",
                    "has " + shown +
                        ", which is no address of this machine; behind a NAT name the machine's "
                        "own address here and the public one in relay.external_ip");
            }
            if (std::count(locals.begin(), locals.end(), locals[i]) > 1 &&
                std::find(locals.begin(), locals.end(), locals[i]) ==
                    locals.begin() + static_cast<std::ptrdiff_t>(i)) {
                relay.problem("address", "has " + shown + " twice");
            }
        }
        return locals;
    }
    if (relay.has("address")) return locals;  // already reported

    for (const net::Listener& listener : listeners) {
        const IpAddress& address = listener.address.address;
        std::optional<IpAddress> local = address;
        if (address.is_unspecified())
            local = address.is_v4() ? machine.default_v4 : machine.default_v6;
        if (local && !contains(locals, *local)) locals.push_back(*local);
    }
    if (locals.empty() && !listeners.empty()) {
        relay.problem("address",
                      "is needed: the listeners have no certain address and this machine has no "
                      "default route");
    }
    return locals;
}

/// One entry of relay.external_ip: "203.0.113.7", or "203.0.113.7/10.0.0.5" for one of several.
void map_external(config::Table& relay, const std::string& entry, Addresses& addresses) {
    const std::size_t slash = entry.find('/');
    const auto external = config::parse_address(entry.substr(0, slash));
    if (!external) {
        relay.problem("external_ip", "has \"" + entry + "\", which " + external.error() +
                                         ", or as a pair \"public/private\"");
        return;
    }
    if (external->is_unspecified() || external->is_loopback()) {
        relay.problem("external_ip",
                      "has " + external->to_string() + ", which nobody else can reach");
        return;
    }
    core::RelayDirectory::Address* target = nullptr;
    if (slash != std::string::npos) {
        const auto local = config::parse_address(std::string_view{entry}.substr(slash + 1));
        if (!local) {
            relay.problem("external_ip",
                          "has \"" + entry + "\", whose private half " + local.error());
            return;
        }
        for (auto& address : addresses) {
            if (address.local == *local) target = &address;
        }
        if (!target) {
            relay.problem("external_ip",
                          "maps " + local->to_string() + ", which is no relay address");
            return;
        }
        if (local->family() != external->family()) {
            relay.problem("external_ip",
                          "has \"" + entry + "\", whose halves are of different families");
            return;
        }
    } else {
        for (auto& address : addresses) {
            if (address.local.family() != external->family()) continue;
            if (target) {
                relay.problem("external_ip", "is " + entry +
                                                 ", but there are several relay addresses of its "
                                                 "family; write pairs \"public/private\"");
                return;
            }
            target = &address;
        }
        if (!target) {
            relay.problem("external_ip", "is " + entry + ", but no relay address is of its family");
            return;
        }
    }
    if (target->external != target->local) {
        relay.problem("external_ip", "maps " + target->local.to_string() + " twice");
        return;
    }
    target->external = *external;
}

}  // namespace

Addresses read_relay_addresses(config::Table relay, const std::vector<net::Listener>& listeners,
                               const Machine& machine) {
    Addresses addresses;
    for (const IpAddress& local : local_addresses(relay, listeners, machine))
        addresses.push_back({local, local});
    std::vector<std::string> externals;
    relay.texts("external_ip", externals);
    if (!addresses.empty()) {
        for (const std::string& entry : externals) map_external(relay, entry, addresses);
    }
    return addresses;
}

}  // namespace turnpike::relay
