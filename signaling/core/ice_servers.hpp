#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "common/cluster/model.hpp"
#include "common/crypto/turn_rest.hpp"

namespace turnpike::signaling {

/// One entry of RTCConfiguration.iceServers, with what its receiver must know of its life.
struct IceServers {
    std::vector<std::string> urls;  // empty: no relay is up, and there is no credential either
    std::string username, credential;
    std::string subject;
    WallTime expires_at{};
    Seconds ttl{};
};

/// The at most two URLs a client gets of a relay's: more make gathering slow (Firefox warns at five).
/// UDP first, and last what gets through most firewalls: `turns:`, else TURN over TCP.
std::vector<std::string> pick_urls(const std::vector<std::string>& urls);

/// Mints TURN credentials for members of rooms and for holders of API keys.
///
/// Threading  one thread
class IceIssuer {
public:
    struct Config {
        std::vector<crypto::RestSecret> secrets;  // the first one mints; none: every list is empty
        Seconds ttl{3600};
        Secret room_tag_key;
        std::optional<std::uint32_t> bandwidth_kbit_s;  // b=, when configured
        bool relay_peers_only = false;                  // p=relay, when configured
    };

    explicit IceIssuer(Config config) : config_(std::move(config)) {}

    void set_secrets(std::vector<crypto::RestSecret> secrets) { config_.secrets = std::move(secrets); }
    Seconds ttl() const noexcept { return config_.ttl; }
    bool has_secret() const noexcept { return !config_.secrets.empty(); }

    /// "roomtag.participant": what quota and revocation count by. The room's name does not show.
    std::string subject(std::string_view room, std::string_view participant) const;

    /// A mesh of `capacity` members has a connection to each other member, and each may hold two
    /// URLs on three networks: the signed limit is (capacity − 1) × 6.
    crypto::Capability capability(unsigned capacity) const;

    /// Nothing without a secret, or when the subject does not fit into a username.
    std::optional<IceServers> issue(std::string_view subject, const crypto::Capability& capability,
                                    std::vector<std::string> urls, Seconds ttl, WallTime wall) const;

private:
    Config config_;
};

}  // namespace turnpike::signaling
