#pragma once

#include <optional>

#include "turn/net/error_queue.hpp"

namespace turnpike::net {

/// An ICMP error about a UDP datagram, with who sent it: what a raw socket hears, for datagrams
/// that no UDP socket sent.
struct IcmpError {
    Endpoint sender;  // of the datagram, as its quoted header says: whoever forged the error had to
                      // know it
    PeerError error;

    /// A whole packet as SOCK_RAW gives it: for IPv4 with its IP header, for IPv6 from the ICMPv6
    /// header on. Nothing when it is damaged, cut short before the quoted ports, or no error about
    /// UDP.
    ///
    /// Source  RFC 792, RFC 1191 §4, RFC 4443 §3
    static std::optional<IcmpError> parse(ByteView packet, Family family) noexcept;
};

}  // namespace turnpike::net
