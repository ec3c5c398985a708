#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/port_range.hpp"

namespace turnpike::config {

/// Texts with a unit or a form of their own, as configuration and flags write them.
///
/// Errors     what is wrong, as the end of a sentence: "is no duration; write it as \"20s\" or
/// \"10m\""

/// "250ms" "20s" "10m" "1h" "7d" and sums of them in falling order, "1h30m".
std::expected<Milliseconds, std::string> parse_duration(std::string_view text);
/// Shortest form: 1h30m, 250ms, 0s.
std::string to_text(Milliseconds duration);

/// "512" "64KiB" "1MiB" "2GiB"; KB, MB and GB are powers of 1000.
std::expected<std::uint64_t, std::string> parse_bytes(std::string_view text);

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text);
std::expected<IpAddress, std::string> parse_address(std::string_view text);
/// A block; a bare address is a block of one. Refused: host bits, IPv4-mapped forms, ranges.
std::expected<Cidr, std::string> parse_cidr(std::string_view text);
/// A block on all ports or, with ":443" or ":1024-2047" behind the prefix length, on some.
std::expected<CidrPorts, std::string> parse_cidr_ports(std::string_view text);
/// "443" or "1024-65535".
std::expected<PortRange, std::string> parse_port_range(std::string_view text);

}  // namespace turnpike::config
