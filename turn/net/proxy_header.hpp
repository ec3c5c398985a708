#pragma once

#include <expected>
#include <optional>

#include "common/base/endpoint.hpp"

namespace turnpike::net {

/// The header that a proxy puts in front of a connection, or of each datagram, to say whose it is: PROXY protocol,
/// version 2, the binary one.
///
/// Source  HAProxy, "The PROXY protocol", section 2.2
struct ProxyHeader {
    static constexpr std::size_t kFixedSize = 16;
    /// The longest header that is taken; addresses need 36 bytes behind the fixed part, extensions the rest.
    static constexpr std::size_t kSizeMax = 4096;

    struct Addresses {
        Endpoint source, destination;
    };
    /// Nothing: the proxy speaks for itself (LOCAL), or does not say for whom (UNSPEC).
    std::optional<Addresses> addresses;
    std::size_t size = 0;  // the whole header, with extensions, which are skipped

    enum class Carries : std::uint8_t { Stream = 1, Datagrams = 2 };
    enum class Error : std::uint8_t { NoHeader, UnknownVersion, UnknownCommand, UnknownFamily, TooShort, TooLong };

    /// How long the header at the front of `bytes` is; nothing while fewer than kFixedSize bytes are there. An
    /// error as soon as it cannot be one.
    static std::expected<std::optional<std::size_t>, Error> measure(ByteView bytes) noexcept;
    /// The header at the front of `bytes`, all of it.
    static std::expected<ProxyHeader, Error> parse(ByteView bytes, Carries carries) noexcept;
};

}  // namespace turnpike::net
