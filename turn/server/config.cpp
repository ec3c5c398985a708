#include "turn/server/config.hpp"

#include <algorithm>
#include <thread>

#include "turn/core/authenticator.hpp"
#include "turn/server/authentication.hpp"
#include "turn/server/behaviour_discovery.hpp"
#include "turn/server/listeners.hpp"
#include "turn/server/node_urls.hpp"
#include "turn/server/peer_rules.hpp"
#include "turn/server/redirect.hpp"
#include "turn/server/relay_addresses.hpp"

namespace turnpike::relay {
namespace {

constexpr std::uint16_t kMetricsPort = 9641;
constexpr unsigned kWorkersMax = 256;
constexpr std::size_t kUrlsMax = 8;

void read_node(config::Table node, Config& config) {
    node.labels("labels", config.labels);
    node.number("capacity", config.capacity, 0.001, 1000);
    node.number("workers", config.net.workers, 0, kWorkersMax);
    node.flag("journal", config.journal);
    if (node.texts("urls", config.urls)) {
        if (config.urls.size() > kUrlsMax) node.problem("urls", "has more than 8 URLs");
        for (const std::string& url : config.urls) {
            if (!is_ice_url(url))
                node.problem("urls", "has \"" + url + "\", which is no turn:, turns: or stun: URL");
        }
    }
}

void read_relay(config::Document& document, config::Table relay, const Machine& machine,
                Config& config) {
    net::Options& net = config.net;
    net.relay_addresses = read_relay_addresses(relay, net.listeners, machine);
    relay.number("min_port", net.port_min, 1, 65535);
    relay.number("max_port", net.port_max, 1, 65535);
    if (net.port_min > net.port_max) {
        // Both lines, since either may be the slip.
        relay.problem(relay.has("min_port") ? "min_port" : "max_port",
                      "is on the wrong side: relay.min_port is " + std::to_string(net.port_min) +
                          " (" + document.describe(relay.place("min_port")) +
                          ") and relay.max_port is " + std::to_string(net.port_max) + " (" +
                          document.describe(relay.place("max_port")) + ")");
    } else if (net.port_min < 1024) {
        relay.warning("min_port", "is below 1024; services that peers may reach live there");
    }
    for (const auto& address : net.relay_addresses) {
        if (address.local.is_v4())
            net.core.relay_v4 = true;
        else
            net.core.relay_v6 = true;
    }
    using Default = core::Config::DefaultFamily;
    net.core.default_family = net.core.relay_v4 ? Default::Ipv4 : Default::Listener;
    const bool given = relay.choice(
        "default_family", net.core.default_family,
        {{"ipv4", Default::Ipv4}, {"listener", Default::Listener}, {"dual", Default::Dual}});
    if (given && net.core.default_family == Default::Ipv4 && !net.core.relay_v4 &&
        net.core.relay_v6) {
        relay.problem("default_family", "is \"ipv4\", but no relay address is IPv4");
    }
    relay.choice(
        "channel_range", net.core.channel_range,
        {{"rfc8656", stun::ChannelRange::Rfc8656}, {"rfc5766", stun::ChannelRange::Rfc5766}});
    relay.flag("mobility", net.core.mobility);
    relay.flag("nat_rebinding", net.core.nat_rebinding);
    relay.flag("tcp", net.core.relay_tcp);
    relay.duration("max_lifetime", net.core.lifetime_max, 60s, 24h);
    relay.duration("max_session", net.core.max_session, 60s, 720h);
    net.core.lifetime_default = std::min(net.core.lifetime_default, net.core.lifetime_max);
}

void read_io(config::Table io, Config& config) {
    using net::IoEngine;
    io.choice("engine", config.net.engine,
              {{"auto", IoEngine::Auto}, {"sockets", IoEngine::Sockets}, {"range", IoEngine::Range}});
    io.number("realtime_priority", config.net.realtime_priority, 0, 99);
}

void read_quota(config::Table quota, Config& config) {
    core::Config& core = config.net.core;
    constexpr std::uint32_t kMost = 1'000'000;
    quota.number("per_user", core.allocations_per_subject, 1, kMost);
    std::uint32_t per_user_max = std::max(96U, core.allocations_per_subject);
    quota.number("per_user_max", per_user_max, 1, kMost);
    if (per_user_max < core.allocations_per_subject) {
        quota.problem("per_user_max", "is " + std::to_string(per_user_max) +
                                          ", below quota.per_user, which is " +
                                          std::to_string(core.allocations_per_subject));
    }
    quota.number("total", core.allocations_total, 0, kMost);
    quota.number("permissions", core.permissions_max, 1, 65'536);
    quota.number("channels", core.channels_max, 1, 4'096);
    quota.number("bandwidth_kbit_s", core.bandwidth_kbit_s, 0, 100'000'000);
    quota.number("packets_per_second", core.packets_per_second, 0, 1e9);
    quota.number("new_peers_per_second", core.new_peers_per_second, 0, 1e9);
    quota.number("new_peers_burst", core.new_peers_burst, 1, 1e9);
    config.cap.allocations = per_user_max;
    if (core.bandwidth_kbit_s > 0) config.cap.bandwidth_kbit_s = core.bandwidth_kbit_s;
}

/// A relay port that a listener has can never be drawn, and somebody else's could take the
/// listener's.
void check_ports(config::Document& document, config::Table relay,
                 const std::vector<Listening>& listening, const Config& config) {
    const net::Options& net = config.net;
    for (const Listening& listener : listening) {
        const Endpoint& at = listener.net.address;
        const bool same_address =
            std::any_of(net.relay_addresses.begin(), net.relay_addresses.end(), [&](const auto& a) {
                return at.address.is_unspecified() ? a.local.family() == at.address.family()
                                                   : a.local == at.address;
            });
        if (listener.net.stream() || !same_address || at.port < net.port_min ||
            at.port > net.port_max)
            continue;
        const std::string message = "the listener's port " + std::to_string(at.port) +
                                    " is inside the relay range " + std::to_string(net.port_min) +
                                    "-" + std::to_string(net.port_max) + " (" +
                                    document.describe(relay.place("min_port")) + ")";
        // In the lab listeners are often on ports that the kernel picked.
        if (config.peers.mode == core::PeerPolicy::Mode::Lab)
            document.warning(listener.place, message);
        else
            document.problem(listener.place, message);
    }
}

void read_limits(config::Table limits, Config& config) {
    net::Options& net = config.net;
    net.limits_exempt = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1/128")};
    limits.cidrs("exempt", net.limits_exempt);
    net.core.rate_exempt = net.limits_exempt;
    constexpr double kMost = 1e9;
    limits.number("unauthenticated_per_second", net.core.unauthenticated_per_second, 0, kMost);
    limits.number("unauthenticated_burst", net.core.unauthenticated_burst, 1, kMost);
    limits.number("unauthenticated_network_per_second", net.core.unauthenticated_network_per_second, 0,
                  kMost);
    limits.number("unauthenticated_network_burst", net.core.unauthenticated_network_burst, 1, kMost);
    limits.number("binding_per_second", net.core.binding_per_second, 0, kMost);
    limits.number("binding_burst", net.core.binding_burst, 1, kMost);
    limits.number("stream_sessions", net.limits.stream_sessions_max, 1, 10'000'000);
    limits.number("stream_sessions_per_source", net.limits.stream_sessions_per_source, 1,
                  10'000'000);
    limits.number("handshakes", net.limits.handshakes_max, 1, 10'000'000);
    limits.number("handshakes_per_second", net.limits.handshakes_per_second, 0, kMost);
    limits.number("handshakes_burst", net.limits.handshakes_burst, 1, kMost);
}

}  // namespace

Config read_config(config::Document& document, const Machine& machine, const ReadOptions& options) {
    Config config;
    config::Table root = document.root();
    config::Table node = root.table("node");
    config.common = ops::Settings::read(root, node, kMetricsPort);
    read_node(node, config);

    config::Table auth = root.table("auth");
    auth.text("realm", config.realm);
    if (const std::string why = why_no_realm(config.realm); !why.empty())
        auth.problem("realm", why);

    std::vector<Listening> listening = read_listeners(document, machine, options, config.realm);
    read_behaviour_discovery(document, machine, config.realm, listening, config.net.core);
    for (const Listening& listener : listening) {
        config.net.listeners.push_back(listener.net);
        if (listener.certificate_until)
            config.certificates[listener.net.address.to_string()] = *listener.certificate_until;
    }

    config.net.core.relay_v4 = config.net.core.relay_v6 = false;
    read_relay(document, root.table("relay"), machine, config);
    read_io(root.table("io"), config);
    read_auth(document, auth, options, config);
    read_redirect(root.table("redirect"), machine, config);
    read_quota(root.table("quota"), config);
    read_peer_rules(document, root.table("peers"), listening, options, config);
    config.peers.hard_denied = own_addresses(config, machine);
    read_limits(root.table("limits"), config);
    check_ports(document, root.table("relay"), listening, config);

    if (const double ratio = worst_amplification(config); ratio > 3.005 && !options.dev) {
        char text[16];
        std::snprintf(text, sizeof text, "%.2f", ratio);
        const bool third_party = config.third_party.has_value();
        auth.warning(third_party ? "third_party" : "realm",
                     std::string{third_party ? "has a long server_name" : "is long"} +
                         ": the answer to a stranger's Allocate is " + text +
                         " times the request; 3 is a good limit");
    }
    document.finish();
    return config;
}

std::shared_ptr<const core::CredentialSource> Config::credentials() const {
    std::vector<crypto::RestSecret> rest;
    for (const config::SharedSecret& secret : secrets) {
        using Algorithm = crypto::RestSecret::Algorithm;
        rest.push_back({secret.id, secret.value,
                        secret.sha256 ? Algorithm::HmacSha256 : Algorithm::HmacSha1,
                        secret.issued_by_turnpike});
    }
    return std::make_shared<core::CredentialChain>(users, std::move(rest), cap, realms(), third_party);
}

std::vector<std::string> Config::realms() const {
    std::vector<std::string> out{realm};
    for (const net::Listener& listener : net.listeners) {
        if (std::find(out.begin(), out.end(), listener.realm) == out.end())
            out.push_back(listener.realm);
    }
    return out;
}

double worst_amplification(const Config& config) {
    constexpr double kAllocate = 28;  // a header and REQUESTED-TRANSPORT: the least that is challenged
    constexpr double kBindingV4 = 1.6, kBindingV6 = 2.2;  // XOR-MAPPED-ADDRESS and a header, for a header
    const core::SecurityFeatures features{config.net.core.sha256 != core::Config::Sha256::Off,
                                          config.net.core.userhash && !config.users.empty()};
    const std::string_view third_party =
        config.third_party ? config.third_party->server_name() : std::string_view{};
    double worst = kBindingV4;
    for (const net::Listener& listener : config.net.listeners) {
        const std::size_t answer =
            core::challenge_size(listener.realm, features, config.net.core.sha256, third_party);
        worst = std::max(worst, static_cast<double>(answer) / kAllocate);
        if (!listener.address.address.is_v4()) worst = std::max(worst, kBindingV6);
    }
    return worst;
}

std::string summary(const Config& config) {
    std::string text;
    for (const net::Listener& listener : config.net.listeners) {
        text += "listen   " + listener.transports() + " " + listener.address.to_string() +
                ", realm " + listener.realm + "\n";
    }
    for (const auto& relay : config.net.relay_addresses) {
        text += "relay    " + relay.local.to_string();
        if (relay.external != relay.local)
            text += ", known outside as " + relay.external.to_string();
        text += ", ports " + std::to_string(config.net.port_min) + "-" +
                std::to_string(config.net.port_max) + "\n";
    }
    const std::vector<std::string> urls =
        config.urls.empty() ? node_urls(config.net.listeners, config.net.relay_addresses)
                            : config.urls;
    for (const std::string& url : urls) text += "url      " + url + "\n";
    const auto& discovery = config.net.core.behaviour_discovery;
    for (const IpAddress& address : discovery.addresses) {
        text += "discover " + address.to_string() + ", ports " + std::to_string(discovery.ports[0]) +
                " and " + std::to_string(discovery.ports[1]) + "\n";
    }
    text += "auth     " + std::to_string(config.secrets.size()) + " shared secrets, " +
            std::to_string(config.users.size()) + " users" +
            (config.third_party ? ", third-party authorization" : "") + "\n";
    const core::PeerPolicy::Rules& peers = config.peers;
    text += "peers    " +
            std::string{peers.mode == core::PeerPolicy::Mode::Lab ? "lab" : "default"} +
            " rules, " + std::to_string(peers.allow.size()) + " allowed and " +
            std::to_string(peers.deny.size()) + " denied blocks, " +
            std::to_string(peers.hard_denied.size()) +
            " addresses of this machine and its network denied\n";
    for (const auto& [realm, lists] : peers.realms) {
        text += "         realm " + realm + ": " + std::to_string(lists.allow.size()) +
                " allowed and " + std::to_string(lists.deny.size()) + " denied blocks\n";
    }
    text += "workers  " +
            std::to_string(config.net.workers ? config.net.workers
                                              : std::max(1U, std::thread::hardware_concurrency())) +
            ", io engine " + std::string{to_string(config.net.engine)} + "\n";
    char ratio[64];
    std::snprintf(ratio, sizeof ratio, "answers  at most %.2f times a stranger's request\n",
                  std::max(worst_amplification(config), discovery_amplification(discovery)));
    return text + ratio;
}

}  // namespace turnpike::relay
