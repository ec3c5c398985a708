#include "common/base/port_range.hpp"

#include <charconv>

namespace turnpike {
namespace {

std::optional<std::uint16_t> port_of(std::string_view text) noexcept {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0) return {};
    return value;
}

}  // namespace

std::optional<PortRange> PortRange::parse(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = port_of(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : port_of(text.substr(dash + 1));
    if (!first || !last || *first > *last) return {};
    return PortRange{*first, *last};
}

std::string PortRange::to_string() const {
    return first == last ? std::to_string(first)
                         : std::to_string(first) + "-" + std::to_string(last);
}

std::optional<CidrPorts> CidrPorts::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::size_t colon = slash == std::string_view::npos ? slash : text.find(':', slash);
    const auto block = Cidr::parse(text.substr(0, colon));
    if (!block) return {};
    if (colon == std::string_view::npos) return CidrPorts{*block};
    const auto ports = PortRange::parse(text.substr(colon + 1));
    if (!ports) return {};
    return CidrPorts{*block, ports};
}

std::string CidrPorts::to_string() const {
    return ports ? block.to_string() + ":" + ports->to_string() : block.to_string();
}

}  // namespace turnpike
