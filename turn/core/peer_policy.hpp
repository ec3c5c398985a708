#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.hpp"
#include "turn/core/relay_directory.hpp"

namespace turnpike::core {

/// Proof that a peer address passed the policy. Only PeerPolicy makes one; everything that leads to
/// a peer takes one, so no path can forget to ask (T6).
class PolicyToken {
public:
    const IpAddress& address() const noexcept { return address_; }

private:
    friend class PeerPolicy;
    explicit PolicyToken(const IpAddress& address) noexcept : address_(address) {}
    IpAddress address_;
};

/// Which peers may be reached: hard denial → operator's deny → operator's allow → default denial →
/// allowed (security reference, section 4; DESIGN 5).
///
/// The node's own relay addresses come first: they are peers for everyone, but only towards live relay
/// ports, which the data path asks RelayDirectory for on each packet. Mode "lab" lowers local and
/// loopback blocks from hard to default denial; they still need an `allow`.
///
/// Threading  any; immutable
class PeerPolicy {
public:
    enum class Mode : std::uint8_t { Default, Lab };
    struct Rules {
        Mode mode = Mode::Default;
        std::vector<Cidr> allow, deny;
        std::vector<IpAddress> hard_denied;  // this machine's addresses, listeners, back ends
        /// Peer ports; none but these (security reference, 4.5). Port 0 is never one of them.
        struct Ports {
            std::uint16_t first = 0, last = 0;
        };
        std::vector<Ports> allow_ports = {{443, 443}, {1024, 65535}};
    };
    struct Verdict {
        bool allowed = false;
        std::string_view rule;  // the block or list that decided, for `policy explain` and logs
    };

    PeerPolicy(Rules rules, const RelayDirectory& relays);

    Verdict explain(const IpAddress& peer) const noexcept;
    /// The token, or nothing: 403. `relay_peers_only` is the credential's p=relay.
    std::optional<PolicyToken> check(const IpAddress& peer, bool relay_peers_only) const noexcept;
    /// Permissions carry no port, so ChannelBind and Send ask for it besides.
    bool allows_port(std::uint16_t port) const noexcept;

private:
    Rules rules_;
    const RelayDirectory& relays_;
};

}  // namespace turnpike::core
