#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/endpoint.hpp"

namespace turnpike {

/// Ports from `first` to `last`, both included. Text: "443" or "1024-65535".
struct PortRange {
    std::uint16_t first = 1, last = 65'535;

    /// Nothing for port 0 and for a range that ends before it begins.
    static std::optional<PortRange> parse(std::string_view text);
    bool contains(std::uint16_t port) const noexcept { return first <= port && port <= last; }
    std::string to_string() const;

    friend bool operator==(const PortRange&, const PortRange&) noexcept = default;
};

/// A block of addresses, on all ports or on some. Text: "10.20.0.0/16", "10.20.0.0/16:443",
/// "fd12:3456::/48:10000-20000"; ports only after a prefix length, since colons are in IPv6
/// addresses too.
struct CidrPorts {
    CidrPorts() = default;
    CidrPorts(const Cidr& all, std::optional<PortRange> on = {}) : block(all), ports(on) {}

    static std::optional<CidrPorts> parse(std::string_view text);
    std::string to_string() const;

    friend bool operator==(const CidrPorts&, const CidrPorts&) noexcept = default;

    Cidr block;
    std::optional<PortRange> ports;
};

}  // namespace turnpike
