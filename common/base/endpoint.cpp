#include "common/base/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

namespace turnpike {
namespace {

template <typename Number>
std::optional<Number> decimal(std::string_view text, Number max) {
    if (text.size() > 1 && text.front() == '0') return {};  // some readers take 010 for 8
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) return {};
    return static_cast<Number>(value);
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
    IpAddress a;
    store_u32(a.raw_, 0, host_order);
    return a;
}

IpAddress IpAddress::v4(ByteView four) noexcept {
    IpAddress a;
    std::copy_n(four.begin(), 4, a.raw_.begin());
    return a;
}

IpAddress IpAddress::v6(ByteView sixteen) noexcept {
    IpAddress a;
    a.family_ = Family::V6;
    std::copy_n(sixteen.begin(), 16, a.raw_.begin());
    return a;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string copy{text};
    if (copy.size() != std::char_traits<char>::length(copy.c_str())) return {};  // a NUL inside
    IpAddress a;
    if (::inet_pton(AF_INET, copy.c_str(), a.raw_.data()) == 1) return a;
    a.family_ = Family::V6;
    if (::inet_pton(AF_INET6, copy.c_str(), a.raw_.data()) == 1) return a;
    return {};
}

bool IpAddress::is_unspecified() const noexcept {
    return std::ranges::all_of(bytes(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (is_v4()) return raw_[0] == 127;
    return std::all_of(raw_.begin(), raw_.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
           raw_[15] == 1;
}

std::string IpAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(is_v4() ? AF_INET : AF_INET6, raw_.data(), text, sizeof text);
    return text;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return {};
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    const auto port = decimal<std::uint16_t>(text.substr(colon + 1), 65535);
    if (!address || !port || bracketed == address->is_v4()) return {};
    return Endpoint{*address, *port};
}

Endpoint Endpoint::from(const sockaddr& from) noexcept {
    if (from.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &from, sizeof in);
        return {IpAddress::v4(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port)};
    }
    if (from.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &from, sizeof in);
        return {IpAddress::v6(ByteView{in.sin6_addr.s6_addr, 16}), ntohs(in.sin6_port)};
    }
    return {};
}

unsigned Endpoint::to(sockaddr_storage& out) const noexcept {
    if (address.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, address.raw().data(), 4);
        std::memcpy(&out, &in, sizeof in);
        return sizeof in;
    }
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.raw().data(), 16);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
}

std::string Endpoint::to_string() const {
    const std::string host = address.to_string();
    return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto base = IpAddress::parse(text.substr(0, slash));
    if (!base) return {};
    const std::uint8_t full = base->is_v4() ? 32 : 128;
    Cidr cidr{*base, full};
    if (slash != std::string_view::npos) {
        const auto length = decimal<std::uint8_t>(text.substr(slash + 1), full);
        if (!length) return {};
        cidr.length = *length;
    }
    for (unsigned bit = cidr.length; bit < full; ++bit) {
        if ((base->raw()[bit / 8] >> (7 - bit % 8)) & 1) return {};
    }
    return cidr;
}

bool Cidr::contains(const IpAddress& address) const noexcept {
    if (address.family() != base.family()) return false;
    const std::size_t whole = length / 8;
    if (!std::equal(base.raw().begin(), base.raw().begin() + static_cast<std::ptrdiff_t>(whole),
                    address.raw().begin())) {
        return false;
    }
    if (length % 8 == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xFF << (8 - length % 8));
    return ((base.raw()[whole] ^ address.raw()[whole]) & mask) == 0;
}

std::string Cidr::to_string() const { return base.to_string() + "/" + std::to_string(length); }

}  // namespace turnpike
