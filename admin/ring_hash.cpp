#include "admin/ring_hash.hpp"

#include <algorithm>
#include <boost/crc.hpp>

namespace turnpike::admin {
namespace {

std::uint32_t crc32(std::string_view text) noexcept {
    boost::crc_32_type crc;
    crc.process_bytes(text.data(), text.size());
    return crc.checksum();
}

}  // namespace

void RingHash::add(std::string_view name, std::uint32_t node) {
    for (unsigned i = 0; i < points_per_node_; ++i)
        points_.push_back({crc32(std::to_string(i).append(name)), node});
}

void RingHash::remove(std::uint32_t node) {
    std::erase_if(points_, [node](const Point& point) { return point.node == node; });
}

void RingHash::sort() {
    std::ranges::sort(points_);
}

std::uint32_t RingHash::find(std::string_view key) const noexcept {
    const auto found = std::ranges::lower_bound(points_, crc32(key), {}, &Point::at);
    return found == points_.end() ? points_.front().node : found->node;
}

}  // namespace turnpike::admin
