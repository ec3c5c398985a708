#include "signaling/server/config.hpp"

#include <utility>

#include "common/ops/instance_directory.hpp"

namespace turnpike::signaling {
namespace {

constexpr std::size_t kRelaysMax = 64;

void read_relays(config::Table root, SignalingConfig& config) {
    std::vector<std::string> sockets{ops::InstanceDirectory::locate("relay", {}) / "admin.sock"};
    root.texts("relays", sockets);
    if (sockets.size() > kRelaysMax) root.problem("relays", "names more than " + std::to_string(kRelaysMax) + " relays");
    for (const std::string& socket : sockets) config.relays.emplace_back(socket);
}

void read_listen(config::Table listen, WebConfig& web) {
    web.address = *Endpoint::parse("127.0.0.1:8080");
    listen.endpoint("address", web.address);
    listen.path("certificate", web.certificate);
    listen.path("key", web.key);
    if (web.certificate.empty() != web.key.empty()) {
        const std::string_view missing = web.key.empty() ? "key" : "certificate";
        listen.problem(missing, "is missing: a certificate and its key belong together");
    }
}

void read_web(config::Table page, WebConfig& web) {
    web.root = "/usr/share/turnpike/web";
    page.path("root", web.root);
    page.texts("origins", web.origins);
    for (const std::string& origin : web.origins) {
        if (origin != "*" && origin.find("://") == std::string::npos) {
            page.problem("origins", "holds \"" + origin + "\"; an origin is written https://example.org");
        }
    }
    web.trusted_proxies = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1/128")};
    page.cidrs("trusted_proxies", web.trusted_proxies);
}

void read_auth(config::Table auth, SignalingConfig& config) {
    auth.text("realm", config.realm);
    std::vector<config::SharedSecret> secrets;
    auth.shared_secrets("secrets", secrets);
    for (config::SharedSecret& secret : secrets) {
        crypto::RestSecret& one = config.secrets.emplace_back();
        one.kid = std::move(secret.id);
        one.value = std::move(secret.value);
        one.algorithm = secret.sha256 ? crypto::RestSecret::Algorithm::HmacSha256 : crypto::RestSecret::Algorithm::HmacSha1;
        one.issued_by_turnpike = true;  // by us, that is
    }
    if (!auth.has("secrets") && !auth.dev()) {
        auth.problem("secrets", "is missing: without a secret shared with the relays nobody gets credentials; "
                                "write secrets = [{file = \"/etc/turnpike/turn-secret\"}]");
    }
    std::vector<config::SecretText> keys;
    auth.secrets("api_keys", keys);
    for (config::SecretText& key : keys) config.api_keys.push_back(std::move(key.value));
}

void read_credentials(config::Table credentials, IceIssuer::Config& ice) {
    credentials.duration("ttl", ice.ttl, Seconds{10}, Seconds{24 * 3600});
    std::uint32_t bandwidth = 0;
    credentials.number("bandwidth_kbit_s", bandwidth, 0, 10'000'000);
    if (bandwidth > 0) ice.bandwidth_kbit_s = bandwidth;
    credentials.flag("relay_peers_only", ice.relay_peers_only);
}

void read_rooms(config::Table rooms, HubConfig& hub) {
    rooms.number("max_members", hub.members_max, 2, kMembersHardCap);
    rooms.duration("empty_ttl", hub.empty_ttl, Seconds{0}, Seconds{24 * 3600});
    rooms.duration("rejoin_grace", hub.rejoin_grace, Milliseconds{0}, Milliseconds{60'000});
}

// fra = ["192.0.2.0/24", "2001:db8::/32"]
void read_regions(config::Table table, cluster::RegionTable& regions) {
    for (const std::string& region : table.keys()) {
        std::vector<Cidr> blocks;
        table.cidrs(region, blocks);
        if (region.empty() || region.size() > 64) table.problem(region, "is no name of a region: 1 to 64 bytes");
        for (const Cidr& block : blocks) regions.add(block, region);
    }
}

void read_limits(config::Table table, Limits& limits) {
    limits.exempt = {*Cidr::parse("127.0.0.0/8"), *Cidr::parse("::1/128")};
    table.cidrs("exempt", limits.exempt);
    table.number("sessions", limits.sessions, 1, 1'000'000);
    table.number("rooms", limits.rooms, 1, 1'000'000);
    table.number("sessions_per_source", limits.sessions_per_source, 1, 100'000);
    table.duration("hello", limits.hello, Seconds{1}, Seconds{60});
    const auto per_minute = [&](std::string_view key, Rate& rate) {
        unsigned count = static_cast<unsigned>(rate.burst);
        table.number(key, count, 1, 100'000);
        rate = {count / 60.0, static_cast<double>(count)};
    };
    per_minute("joins_per_minute", limits.join);
    per_minute("creates_per_minute", limits.create);
    per_minute("ice_per_minute", limits.ice);
    table.number("signals_per_second", limits.signal.per_second, 1, 10'000);
    table.number("signals_burst", limits.signal.burst, 1, 100'000);
}

}  // namespace

SignalingConfig read_config(config::Document& document) {
    SignalingConfig config;
    config::Table root = document.root();
    config.common = ops::Settings::read(root, root.table("node"), 9642);
    read_relays(root, config);
    read_listen(root.table("listen"), config.web);
    read_web(root.table("web"), config.web);
    read_auth(root.table("auth"), config);
    read_credentials(root.table("credentials"), config.hub.ice);
    read_rooms(root.table("rooms"), config.hub);
    read_limits(root.table("limits"), config.hub.limits);
    read_regions(root.table("regions"), config.hub.regions);
    return config;
}

}  // namespace turnpike::signaling
