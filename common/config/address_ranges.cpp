#include "common/config/address_ranges.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace turnpike::config {
namespace {

__extension__ using Number = unsigned __int128;

unsigned bits_of(Family family) {
    return family == Family::V4 ? 32 : 128;
}
Number most_of(Family family) {
    return family == Family::V4 ? 0xFFFF'FFFFU : ~Number{0};
}

Number number_of(const IpAddress& address) {
    Number number = 0;
    for (const std::uint8_t byte : address.bytes()) number = number << 8 | byte;
    return number;
}
IpAddress address_of(Number number, Family family) {
    if (family == Family::V4) return IpAddress::v4(static_cast<std::uint32_t>(number));
    std::uint8_t raw[16];
    for (std::size_t i = sizeof raw; i-- > 0; number >>= 8)
        raw[i] = static_cast<std::uint8_t>(number);
    return IpAddress::v6(ByteView{raw});
}

std::optional<AddressRange> parse_block(std::string_view text, std::size_t slash) {
    const auto base = IpAddress::parse(text.substr(0, slash));
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (!base || error != std::errc{} || end != digits.data() + digits.size()) return {};
    const unsigned bits = bits_of(base->family());
    if (length > bits) return {};
    const Number most = most_of(base->family());
    const Number host = length == 0 ? most : (Number{1} << (bits - length)) - 1;
    const Number first = number_of(*base) & ~host & most;
    return AddressRange{address_of(first, base->family()),
                        address_of(first | host, base->family())};
}

/// In order, those that overlap or touch made one.
std::vector<AddressRange> merged(std::vector<AddressRange> ranges) {
    std::ranges::sort(ranges, [](const AddressRange& a, const AddressRange& b) {
        if (a.first.family() != b.first.family()) return a.first.is_v4();
        return number_of(a.first) < number_of(b.first);
    });
    std::vector<AddressRange> out;
    for (const AddressRange& range : ranges) {
        const Family family = range.first.family();
        if (!out.empty() && out.back().first.family() == family) {
            const Number end = number_of(out.back().last);
            if (end == most_of(family) || number_of(range.first) <= end + 1) {
                if (number_of(range.last) > end) out.back().last = range.last;
                continue;
            }
        }
        out.push_back(range);
    }
    return out;
}

}  // namespace

std::expected<AddressRange, std::string> AddressRange::parse(std::string_view text) {
    constexpr const char* kNone =
        "is no address and no range; write it as \"10.0.0.1\" or \"10.0.0.0-10.255.255.255\"";
    if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        if (const auto block = parse_block(text, slash)) return *block;
        return std::unexpected{std::string{"is no block of addresses; write it as \"10.0.0.0/8\""}};
    }
    const auto trimmed = [](std::string_view part) {
        while (part.starts_with(' ') || part.starts_with('\t')) part.remove_prefix(1);
        while (part.ends_with(' ') || part.ends_with('\t')) part.remove_suffix(1);
        return part;
    };
    const std::size_t dash = text.find('-');
    const auto first = IpAddress::parse(trimmed(text.substr(0, dash)));
    if (!first) return std::unexpected{std::string{kNone}};
    if (dash == std::string_view::npos) return AddressRange{*first, *first};
    const auto last = IpAddress::parse(trimmed(text.substr(dash + 1)));
    if (!last) return std::unexpected{std::string{kNone}};
    if (first->family() != last->family())
        return std::unexpected{std::string{"goes from one address family to the other"}};
    if (number_of(*first) > number_of(*last))
        return std::unexpected{std::string{"ends before it begins"}};
    return AddressRange{*first, *last};
}

bool AddressRange::overlaps(const AddressRange& other) const noexcept {
    return first.family() == other.first.family() && number_of(first) <= number_of(other.last) &&
           number_of(other.first) <= number_of(last);
}

std::vector<Cidr> to_blocks(const AddressRange& range) {
    const Family family = range.first.family();
    const unsigned bits = bits_of(family);
    const Number last = number_of(range.last);
    std::vector<Cidr> out;
    for (Number at = number_of(range.first);;) {
        // The largest block that begins here and does not go too far.
        unsigned host_bits = 0;
        while (host_bits < bits) {
            const Number size_less_one =
                host_bits + 1 == bits ? most_of(family) : (Number{1} << (host_bits + 1)) - 1;
            if ((at & size_less_one) != 0 || size_less_one > last - at) break;
            ++host_bits;
        }
        out.push_back(Cidr{address_of(at, family), static_cast<std::uint8_t>(bits - host_bits)});
        const Number end =
            at + (host_bits == bits ? most_of(family) : (Number{1} << host_bits) - 1);
        if (end >= last) return out;
        at = end + 1;
    }
}

std::vector<AddressRange> subtract(std::vector<AddressRange> from,
                                   std::vector<AddressRange> without) {
    std::vector<AddressRange> out;
    const std::vector<AddressRange> holes = merged(std::move(without));
    auto hole = holes.begin();
    for (AddressRange range : merged(std::move(from))) {
        const Family family = range.first.family();
        // Holes that end before this range are of no use to any later one either.
        while (hole != holes.end() &&
               (hole->first.family() == family ? number_of(hole->last) < number_of(range.first)
                                               : hole->first.is_v4()))
            ++hole;
        bool rest = true;
        for (auto each = hole; rest && each != holes.end() && each->overlaps(range); ++each) {
            if (number_of(each->first) > number_of(range.first))
                out.push_back({range.first, address_of(number_of(each->first) - 1, family)});
            rest = number_of(each->last) < number_of(range.last);
            if (rest) range.first = address_of(number_of(each->last) + 1, family);
        }
        if (rest) out.push_back(range);
    }
    return out;
}

}  // namespace turnpike::config
