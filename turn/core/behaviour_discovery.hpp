#pragma once

#include <optional>

#include "common/base/five_tuple.hpp"
#include "turn/core/config.hpp"

namespace turnpike::core {

/// The server's transport addresses that take part in NAT behaviour discovery: two addresses (of a
/// family) by two ports, each with a listener; or one address by two ports, which can say no more
/// than where its answers come from.
///
/// Lifetime  borrows the configuration
/// Source    RFC 5780 §4 (the server's two addresses and ports), §6
class DiscoverySockets {
public:
    struct Socket {
        Endpoint address;
        std::uint16_t listener = 0;  // index into Config::listeners
    };

    explicit DiscoverySockets(const Config& config) noexcept : config_(config) {}

    /// Whether a request that came to `server` is answered as RFC 5780 says.
    bool has(const Endpoint& server) const noexcept;
    /// The socket that differs from the one of `tuple` in address, port or both; of the same
    /// transport. Nothing where there is none.
    std::optional<Socket> other(const FiveTuple& tuple, bool address, bool port) const noexcept;

private:
    std::optional<std::uint16_t> listener_at(const Endpoint& address,
                                             Transport transport) const noexcept;

    const Config& config_;
};

}  // namespace turnpike::core
