#include "common/cluster/regions.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <utility>

namespace turnpike::cluster {
namespace {

std::strong_ordering order(const Cidr& a, const Cidr& b) noexcept {
    if (const auto family = a.base.family() <=> b.base.family(); family != 0) return family;
    if (const auto length = b.length <=> a.length; length != 0) return length;
    return a.base <=> b.base;
}

// The address without the bits after `length`.
IpAddress network(const IpAddress& address, std::uint8_t length) noexcept {
    std::array<std::uint8_t, 16> raw = address.raw();
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const int kept = std::clamp(int{length} - static_cast<int>(i) * 8, 0, 8);
        raw[i] = static_cast<std::uint8_t>(raw[i] & (0xFF00U >> kept));
    }
    return address.is_v4() ? IpAddress::v4(ByteView{raw.data(), 4}) : IpAddress::v6(ByteView{raw});
}

IpAddress unmapped(const IpAddress& address) noexcept {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (address.is_v4() || !std::equal(kMapped.begin(), kMapped.end(), address.raw().begin()))
        return address;
    return IpAddress::v4(address.bytes().subspan(12, 4));
}

}  // namespace

void RegionTable::add(const Cidr& block, std::string region) {
    const auto at = std::ranges::lower_bound(
        entries_, block, [](const Cidr& a, const Cidr& b) { return order(a, b) < 0; },
        &Entry::block);
    if (at != entries_.end() && at->block == block)
        at->region = std::move(region);
    else
        entries_.insert(at, {block, std::move(region)});
}

std::string_view RegionTable::find(const IpAddress& given) const noexcept {
    const IpAddress address = unmapped(given);
    // One search for each length that is there.
    auto from = std::ranges::lower_bound(
        entries_, address.family(), {}, [](const Entry& each) { return each.block.base.family(); });
    while (from != entries_.end() && from->block.base.family() == address.family()) {
        const std::uint8_t length = from->block.length;
        const Cidr wanted{network(address, length), length};
        const auto until = std::partition_point(from, entries_.end(), [&](const Entry& each) {
            return each.block.base.family() == address.family() && each.block.length == length;
        });
        const auto found = std::lower_bound(
            from, until, wanted,
            [](const Entry& each, const Cidr& block) { return order(each.block, block) < 0; });
        if (found != until && found->block == wanted) return found->region;
        from = until;
    }
    return {};
}

}  // namespace turnpike::cluster
