#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.hpp"

struct sockaddr;
struct sockaddr_storage;

namespace turnpike {

enum class Family : std::uint8_t { V4 = 1, V6 = 2 };  // the wire's own numbers, RFC 8489 §14.1

/// An IPv4 or IPv6 address; the bytes are in network order, IPv4 in the first four, the rest zero.
/// An IPv4-mapped IPv6 address stays what it is: IPv6. No scope.
class IpAddress {
public:
    constexpr IpAddress() noexcept = default;  // 0.0.0.0

    static IpAddress v4(std::uint32_t host_order) noexcept;
    static IpAddress v4(ByteView four) noexcept;
    static IpAddress v6(ByteView sixteen) noexcept;
    static std::optional<IpAddress> parse(std::string_view text);

    Family family() const noexcept { return family_; }
    bool is_v4() const noexcept { return family_ == Family::V4; }
    ByteView bytes() const noexcept { return {raw_.data(), is_v4() ? 4U : 16U}; }
    const std::array<std::uint8_t, 16>& raw() const noexcept { return raw_; }
    bool is_unspecified() const noexcept;
    bool is_loopback() const noexcept;
    std::string to_string() const;

    friend bool operator==(const IpAddress&, const IpAddress&) noexcept = default;
    friend auto operator<=>(const IpAddress&, const IpAddress&) noexcept = default;

private:
    std::array<std::uint8_t, 16> raw_{};
    Family family_ = Family::V4;
};

/// A transport address: IP address and port (RFC 8656 §2). Printed 192.0.2.1:3478 or [2001:db8::1]:3478.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    static std::optional<Endpoint> parse(std::string_view text);
    static Endpoint from(const sockaddr& from) noexcept;  // AF_INET or AF_INET6; else 0.0.0.0:0
    /// Fills `out`; the length for bind and sendto.
    unsigned to(sockaddr_storage& out) const noexcept;
    std::string to_string() const;

    friend bool operator==(const Endpoint&, const Endpoint&) noexcept = default;
    friend auto operator<=>(const Endpoint&, const Endpoint&) noexcept = default;
};

/// How a client reaches the server. Towards peers it is always UDP here.
enum class Transport : std::uint8_t { Udp, Tcp, Tls, Dtls };

constexpr std::string_view to_string(Transport t) noexcept {
    switch (t) {
        case Transport::Udp: return "udp";
        case Transport::Tcp: return "tcp";
        case Transport::Tls: return "tls";
        case Transport::Dtls: return "dtls";
    }
    return "?";
}
constexpr bool is_stream(Transport t) noexcept { return t == Transport::Tcp || t == Transport::Tls; }

/// A block of addresses, 10.0.0.0/8 or 2001:db8::/32. Host bits must be zero.
struct Cidr {
    IpAddress base;
    std::uint8_t length = 0;

    /// Nothing when the text is no address, the length is too big, or host bits are set.
    static std::optional<Cidr> parse(std::string_view text);
    bool contains(const IpAddress& address) const noexcept;
    std::string to_string() const;

    friend bool operator==(const Cidr&, const Cidr&) noexcept = default;
};

}  // namespace turnpike
