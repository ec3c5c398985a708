#include "common/config/units.hpp"

#include <array>
#include <charconv>
#include <optional>

namespace turnpike::config {
namespace {

template <typename T>
struct Unit {
    std::string_view name;
    T worth;
};

constexpr std::array<Unit<std::int64_t>, 5> kDurations{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit<std::uint64_t>, 7> kSizes{{{"B", 1},
                                                     {"KB", 1000},
                                                     {"MB", 1'000'000},
                                                     {"GB", 1'000'000'000},
                                                     {"KiB", 1ULL << 10},
                                                     {"MiB", 1ULL << 20},
                                                     {"GiB", 1ULL << 30}}};
constexpr std::int64_t kNumberMax = 1'000'000'000;  // no product of it and a unit overflows

/// The number in front, and the text behind it.
std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0 || number > kNumberMax) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

std::string_view take_letters(std::string_view& text) {
    std::size_t size = 0;
    while (size < text.size() &&
           ((text[size] >= 'a' && text[size] <= 'z') || (text[size] >= 'A' && text[size] <= 'Z')))
        ++size;
    const std::string_view letters = text.substr(0, size);
    text.remove_prefix(size);
    return letters;
}

bool is_mapped(const IpAddress& address) {
    if (address.is_v4()) return false;
    const ByteView raw = address.bytes();
    for (std::size_t i = 0; i < 10; ++i) {
        if (raw[i] != 0) return false;
    }
    return raw[10] == 0xFF && raw[11] == 0xFF;
}

/// The block that `address` is in, for the suggestion.
std::string without_host_bits(const IpAddress& address, unsigned length) {
    std::array<std::uint8_t, 16> raw = address.raw();
    for (unsigned bit = length; bit < address.bytes().size() * 8; ++bit) {
        raw[bit / 8] = static_cast<std::uint8_t>(raw[bit / 8] & ~(0x80U >> (bit % 8)));
    }
    const ByteView bytes{raw};
    const IpAddress base = address.is_v4() ? IpAddress::v4(bytes.first(4)) : IpAddress::v6(bytes);
    return base.to_string() + "/" + std::to_string(length);
}

}  // namespace

std::expected<Milliseconds, std::string> parse_duration(std::string_view text) {
    const std::unexpected<std::string> refusal{
        "is no duration; write it as \"20s\", \"10m\" or \"1h30m\""};
    if (text.empty()) return refusal;
    std::int64_t total = 0, last_worth = INT64_MAX;
    while (!text.empty()) {
        const auto number = take_number(text);
        const std::string_view name = take_letters(text);
        if (!number) return refusal;
        std::int64_t worth = 0;
        for (const auto& unit : kDurations) {
            if (unit.name == name) worth = unit.worth;
        }
        if (worth == 0 || worth >= last_worth) return refusal;
        last_worth = worth;
        total += *number * worth;
    }
    return Milliseconds{total};
}

std::string to_text(Milliseconds duration) {
    std::int64_t left = duration.count();
    if (left <= 0) return "0s";
    std::string text;
    for (const auto& [name, worth] : std::array<Unit<std::int64_t>, 4>{
             {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}}) {
        if (left >= worth) text += std::to_string(left / worth) + std::string{name};
        left %= worth;
    }
    return text;
}

std::expected<std::uint64_t, std::string> parse_bytes(std::string_view text) {
    const auto number = take_number(text);
    if (number) {
        if (text.empty()) return static_cast<std::uint64_t>(*number);
        for (const auto& unit : kSizes) {
            if (unit.name == text) return static_cast<std::uint64_t>(*number) * unit.worth;
        }
    }
    return std::unexpected{std::string{"is no size; write it as \"64KiB\" or \"1MiB\""}};
}

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
    if (const auto endpoint = Endpoint::parse(text)) return *endpoint;
    if (const auto address = IpAddress::parse(text)) {
        return std::unexpected{"has no port; write it as \"" +
                               Endpoint{*address, 3478}.to_string() + "\""};
    }
    const std::size_t colon = text.rfind(':');
    if (colon == 0)
        return std::unexpected{"has no address; write \"0.0.0.0" + std::string{text} +
                               "\" or \"[::]" + std::string{text} + "\""};
    if (colon != std::string_view::npos && colon > 0) {
        std::string_view host = text.substr(0, colon);
        const std::string_view port = text.substr(colon + 1);
        if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
        unsigned number = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        const bool port_good =
            error == std::errc{} && end == port.data() + port.size() && number <= 65535;
        if (IpAddress::parse(host) && !port_good)
            return std::unexpected{
                std::string{"has no port between 0 and 65535 after the address"}};
        if (port_good && !IpAddress::parse(host)) {
            return std::unexpected{
                std::string{"begins with no IP address; a host name will not do here"}};
        }
    }
    return std::unexpected{std::string{
        "is no address and port; write it as \"192.0.2.1:3478\" or \"[2001:db8::1]:3478\""}};
}

std::expected<IpAddress, std::string> parse_address(std::string_view text) {
    const auto address = IpAddress::parse(text);
    if (!address)
        return std::unexpected{
            std::string{"is no IP address; write it as \"192.0.2.1\" or \"2001:db8::1\""}};
    if (is_mapped(*address))
        return std::unexpected{std::string{"is an IPv4-mapped address; write it as IPv4"}};
    return *address;
}

std::expected<Cidr, std::string> parse_cidr(std::string_view text) {
    if (const auto block = Cidr::parse(text)) {
        if (is_mapped(block->base))
            return std::unexpected{std::string{"is an IPv4-mapped block; write it as IPv4"}};
        return *block;
    }
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (address && is_mapped(*address))
        return std::unexpected{std::string{"is an IPv4-mapped block; write it as IPv4"}};
    if (address && slash == std::string_view::npos) {
        return Cidr{*address, static_cast<std::uint8_t>(address->bytes().size() * 8)};
    }
    if (address) {
        const std::string_view digits = text.substr(slash + 1);
        unsigned length = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), length);
        const unsigned length_max = static_cast<unsigned>(address->bytes().size() * 8);
        if (error == std::errc{} && end == digits.data() + digits.size() && length <= length_max) {
            return std::unexpected{"has bits set behind the prefix; did you mean \"" +
                                   without_host_bits(*address, length) + "\"?"};
        }
        return std::unexpected{"has no prefix length between 0 and " + std::to_string(length_max)};
    }
    if (text.find('-') != std::string_view::npos)
        return std::unexpected{
            std::string{"is no block; ranges are not supported, write CIDR blocks"}};
    return std::unexpected{
        std::string{"is no block of addresses; write it as \"10.0.0.0/8\" or \"2001:db8::/32\""}};
}

std::expected<CidrPorts, std::string> parse_cidr_ports(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::size_t colon = slash == std::string_view::npos ? slash : text.find(':', slash);
    const auto block = parse_cidr(text.substr(0, colon));
    if (!block) return std::unexpected{block.error()};
    if (colon == std::string_view::npos) return CidrPorts{*block};
    const auto ports = parse_port_range(text.substr(colon + 1));
    if (!ports) return std::unexpected{"has ports that can't be read: " + ports.error()};
    return CidrPorts{*block, *ports};
}

std::expected<PortRange, std::string> parse_port_range(std::string_view text) {
    if (const auto range = PortRange::parse(text)) return *range;
    return std::unexpected{
        std::string{"is no range of ports; write it as \"443\" or \"1024-65535\""}};
}

}  // namespace turnpike::config
