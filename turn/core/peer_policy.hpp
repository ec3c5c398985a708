#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/port_range.hpp"
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
/// allowed (security reference, section 4; DESIGN 5). A realm may have rules of its own.
///
/// The node's own relay addresses come first: they are peers for everyone, but only towards live
/// relay ports, which the data path asks RelayDirectory for on each packet. Mode "lab" lowers local
/// and loopback blocks from hard to default denial; they still need an `allow`.
///
/// Threading  any; immutable
class PeerPolicy {
public:
    enum class Mode : std::uint8_t { Default, Lab };
    /// What an operator says, for the node or for one realm.
    struct Lists {
        /// Lifts the default denial of blocks. With ports: for these only, and on these whatever
        /// allow_ports says.
        std::vector<CidrPorts> allow;
        std::vector<Cidr> deny;
        /// Peer ports; none but these (security reference, 4.5). Port 0 is never one of them.
        std::vector<PortRange> allow_ports = {{443, 443}, {1024, 65535}};
    };
    struct Rules : Lists {
        Mode mode = Mode::Default;
        std::vector<IpAddress> hard_denied;  // this machine's addresses, listeners, back ends
        /// Judged by the IPv4 address inside as well (RFC 6052 §2.2: /32, /40, /48, /56, /64 or
        /// /96). The well-known prefix and the local-use block (RFC 8215) always are.
        std::vector<Cidr> nat64_prefixes;
        std::map<std::string, Lists, std::less<>> realms;  // in place of the node's lists
    };
    struct Verdict {
        bool allowed = false;
        std::string_view rule;  // the block or list that decided, for `policy explain` and logs
    };

    PeerPolicy(Rules rules, const RelayDirectory& relays);

    /// The policy for allocations of this realm.
    const PeerPolicy& for_realm(std::string_view realm) const noexcept;

    Verdict explain(const IpAddress& peer) const noexcept;
    /// The token, or nothing: 403. `relay_peers_only` is the credential's p=relay.
    std::optional<PolicyToken> check(const IpAddress& peer, bool relay_peers_only) const noexcept;
    /// Permissions carry no port, so whatever has one asks for it besides. Only for peers that
    /// check() passed.
    bool allows_port(const Endpoint& peer) const noexcept;

private:
    struct Denial {
        std::string_view rule;  // empty: a public address
        bool hard = false;
    };
    Denial denial_of(const IpAddress& peer) const noexcept;
    std::optional<IpAddress> behind_nat64(const IpAddress& peer) const noexcept;

    Rules rules_;
    const RelayDirectory& relays_;
    std::map<std::string, std::unique_ptr<const PeerPolicy>, std::less<>> realms_;
};

}  // namespace turnpike::core
