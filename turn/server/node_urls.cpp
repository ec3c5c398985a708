#include "turn/server/node_urls.hpp"

#include <algorithm>

namespace turnpike::relay {
namespace {

/// Where clients reach the listener; nothing when only the relay addresses of another family are
/// known.
std::string host_of(const net::Listener& listener,
                    const std::vector<core::RelayDirectory::Address>& relays) {
    const IpAddress& bound = listener.address.address;
    for (const auto& relay : relays) {
        if (bound.is_unspecified() ? relay.local.family() == bound.family()
                                   : relay.local == bound) {
            return Endpoint{relay.external, listener.address.port}.to_string();
        }
    }
    return bound.is_unspecified() ? std::string{} : listener.address.to_string();
}

std::string url_of(const net::Listener& listener, Transport transport,
                   const std::vector<core::RelayDirectory::Address>& relays) {
    const std::string host = host_of(listener, relays);
    if (host.empty()) return {};
    switch (transport) {
        case Transport::Udp:
            return "turn:" + host + "?transport=udp";
        case Transport::Tcp:
            return "turn:" + host + "?transport=tcp";
        case Transport::Tls:
            return "turns:" + host + "?transport=tcp";
        case Transport::Dtls:
            return "turns:" + host + "?transport=udp";
    }
    return {};
}

}  // namespace

std::vector<std::string> node_urls(const std::vector<net::Listener>& listeners,
                                   const std::vector<core::RelayDirectory::Address>& relays) {
    const auto first = [&](Transport transport) -> std::string {
        for (const net::Listener& listener : listeners) {
            if (!listener.takes(transport)) continue;
            if (std::string url = url_of(listener, transport, relays); !url.empty()) return url;
        }
        return {};
    };
    std::vector<std::string> urls;
    if (std::string udp = first(Transport::Udp); !udp.empty()) urls.push_back(std::move(udp));
    std::string stream = first(Transport::Tls);
    if (stream.empty()) stream = first(Transport::Tcp);
    if (!stream.empty()) urls.push_back(std::move(stream));
    return urls;
}

bool is_ice_url(std::string_view url) {
    std::string_view rest;
    for (const std::string_view scheme : {"turn:", "turns:", "stun:", "stuns:"}) {
        if (url.starts_with(scheme)) rest = url.substr(scheme.size());
    }
    if (rest.empty() || rest.front() == '?' || rest.front() == '/' || rest.size() > 300)
        return false;
    return std::none_of(rest.begin(), rest.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\x7F';
    });
}

}  // namespace turnpike::relay
