#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/secret.hpp"
#include "common/base/token_bucket.hpp"
#include "turn/core/redirection.hpp"
#include "turn/stun/channel_data.hpp"

namespace turnpike::core {

/// What the core needs of the configuration. Immutable while a Server lives.
struct Config {
    struct Listener {
        std::string realm;
        Transport transport = Transport::Udp;
        Endpoint address{};  // as bound; the unspecified address has all of its family
    };
    /// relay.default_family: for Allocates that do not say (RFC 8656 §7.2 has IPv4).
    enum class DefaultFamily : std::uint8_t { Ipv4, Listener, Dual };

    /// auth.sha256: whether the SHA-256 password algorithm is offered beside MD5, or alone.
    enum class Sha256 : std::uint8_t { Off, Offer, Require };

    std::vector<Listener> listeners;
    DefaultFamily default_family = DefaultFamily::Ipv4;
    bool relay_v4 = true, relay_v6 = false;  // families that `relay.address` has
    stun::ChannelRange channel_range = stun::ChannelRange::Rfc8656;

    Seconds lifetime_default = 600s, lifetime_max = 3600s;
    Seconds permission_lifetime = 300s, channel_lifetime = 600s;
    Seconds max_session = 12h;     // a live allocation may refresh until then
    Seconds nonce_lifetime = 600s;
    Sha256 sha256 = Sha256::Offer;
    bool userhash = true;          // offer username anonymity while there are static users
    Seconds credential_ttl_max = 24h;  // a TURN REST expiry further away is refused

    bool relay_tcp = false;        // RFC 6062
    Seconds connect_timeout = 30s; // for a peer to answer Connect; §5.2: at least 30 s
    Seconds bind_timeout = 30s;    // for the client to come for a connection, §5.2 and §5.3

    std::uint32_t allocations_per_subject = 48;
    std::uint32_t allocations_total = 0;  // 0: as many as there are ports
    std::uint32_t permissions_max = 256, channels_max = 256;  // of one allocation
    std::uint32_t connections_max = 64;   // with peers, of one allocation for TCP
    std::uint32_t bandwidth_kbit_s = 0;   // of one allocation, both directions together; 0: no limit
    double packets_per_second = 0;        // of one allocation, both directions together; 0: no limit
    double new_peers_per_second = 20, new_peers_burst = 100;  // addresses that one allocation begins to reach (T11)
    bool mobility = false;                // RFC 8016
    bool nat_rebinding = false;           // a client whose NAT changed its port keeps its allocation
    std::size_t pending_max = 1024;

    Redirection redirection;              // 300; as it is here it sends nobody away

    // Answers to who has not proved where it is, of the whole node: per IPv4 address or IPv6 /64, and per
    // /24 or /48 of them. 0 per second: no limit.
    double unauthenticated_per_second = 10, unauthenticated_burst = 50;
    double unauthenticated_network_per_second = 200, unauthenticated_network_burst = 1000;
    double binding_per_second = 100, binding_burst = 200;
    std::vector<Cidr> rate_exempt;        // limits.exempt

    /// [behaviour_discovery], RFC 5780: off while there are no addresses. At most two per family; two
    /// different ports.
    struct BehaviourDiscovery {
        std::vector<IpAddress> addresses;
        std::array<std::uint16_t, 2> ports{};
    };
    BehaviourDiscovery behaviour_discovery;

    unsigned worker = 0, workers = 1;     // which one this is, of how many

    BucketRate new_peers() const noexcept { return {new_peers_per_second, std::max(1.0, new_peers_burst)}; }

    Secret nonce_key;                     // 32 bytes, the same on every node that shares nonces
};

}  // namespace turnpike::core
