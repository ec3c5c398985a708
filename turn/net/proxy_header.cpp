#include "turn/net/proxy_header.hpp"

#include <algorithm>
#include <array>

namespace turnpike::net {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
constexpr std::uint8_t kLocal = 0, kProxy = 1;
constexpr std::uint8_t kUnspecified = 0, kInet = 1, kInet6 = 2;

}  // namespace

std::expected<std::optional<std::size_t>, ProxyHeader::Error> ProxyHeader::measure(ByteView bytes) noexcept {
    const std::size_t seen = std::min(bytes.size(), kSignature.size());
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(seen), kSignature.begin())) {
        return std::unexpected{Error::NoHeader};
    }
    if (bytes.size() > 12 && bytes[12] >> 4 != 2) return std::unexpected{Error::UnknownVersion};
    if (bytes.size() < kFixedSize) return std::nullopt;
    const std::size_t size = kFixedSize + load_u16(bytes, 14);
    if (size > kSizeMax) return std::unexpected{Error::TooLong};
    return size;
}

std::expected<ProxyHeader, ProxyHeader::Error> ProxyHeader::parse(ByteView bytes, Carries carries) noexcept {
    const auto size = measure(bytes);
    if (!size) return std::unexpected{size.error()};
    if (!*size || bytes.size() < **size) return std::unexpected{Error::TooShort};
    ProxyHeader header;
    header.size = **size;

    const std::uint8_t command = bytes[12] & 0x0F, family = bytes[13] >> 4, transport = bytes[13] & 0x0F;
    if (command == kLocal) return header;  // addresses, if any, are to be ignored
    if (command != kProxy) return std::unexpected{Error::UnknownCommand};
    if (family == kUnspecified && transport == 0) return header;
    if (transport != static_cast<std::uint8_t>(carries) || (family != kInet && family != kInet6)) {
        return std::unexpected{Error::UnknownFamily};
    }

    const ByteView rest = bytes.subspan(kFixedSize, header.size - kFixedSize);
    const std::size_t address = family == kInet ? 4 : 16;
    if (rest.size() < 2 * address + 4) return std::unexpected{Error::TooShort};
    const auto endpoint = [&](std::size_t which) {
        const ByteView raw = rest.subspan(which * address, address);
        return Endpoint{family == kInet ? IpAddress::v4(raw) : IpAddress::v6(raw), load_u16(rest, 2 * address + 2 * which)};
    };
    header.addresses = Addresses{endpoint(0), endpoint(1)};
    return header;
}

}  // namespace turnpike::net
