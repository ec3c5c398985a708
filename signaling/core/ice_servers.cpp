#include "signaling/core/ice_servers.hpp"

namespace turnpike::signaling {

std::vector<std::string> pick_urls(const std::vector<std::string>& urls) {
    const auto is_tls = [](const std::string& url) { return url.starts_with("turns:"); };
    const auto is_tcp = [](const std::string& url) { return url.ends_with("transport=tcp"); };
    const std::string* udp = nullptr;
    const std::string* tls = nullptr;
    const std::string* tcp = nullptr;
    for (const std::string& url : urls) {
        const std::string*& kind = is_tls(url) ? tls : is_tcp(url) ? tcp : udp;
        if (kind == nullptr) kind = &url;
    }
    std::vector<std::string> picked;
    if (udp != nullptr) picked.push_back(*udp);
    if (tls != nullptr && tcp != nullptr && udp == nullptr) picked.push_back(*tcp);
    if (const std::string* last = tls != nullptr ? tls : tcp) picked.push_back(*last);
    return picked;
}

std::string IceIssuer::subject(std::string_view room, std::string_view participant) const {
    return crypto::room_tag(config_.room_tag_key, room) + "." + std::string{participant};
}

crypto::Capability IceIssuer::capability(unsigned capacity) const {
    crypto::Capability can;
    can.allocations = (capacity > 1 ? capacity - 1 : 1) * 6;
    can.bandwidth_kbit_s = config_.bandwidth_kbit_s;
    can.relay_peers_only = config_.relay_peers_only;
    return can;
}

std::optional<IceServers> IceIssuer::issue(std::string_view subject, const crypto::Capability& capability,
                                           std::vector<std::string> urls, Seconds ttl, WallTime wall) const {
    if (config_.secrets.empty()) return {};
    auto minted = crypto::mint(config_.secrets.front(), subject, capability, wall + ttl);
    if (!minted) return {};
    IceServers ice;
    ice.urls = std::move(urls);
    ice.username = std::move(minted->username);
    ice.credential = std::move(minted->password);
    ice.subject = subject;
    ice.expires_at = minted->expires_at;
    ice.ttl = ttl;
    return ice;
}

}  // namespace turnpike::signaling
