#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace turnpike::admin {

/// Plain consistent hashing, which Turnpike's placement is compared with: every node has some
/// points on a ring of 2^32, by the CRC-32 of the point's number and the node's name, and a key
/// belongs to the next point. With 20 points a node it is what Tinode's cluster uses.
///
/// Source  Karger et al. (1997); github.com/tinode/chat, server/ringhash
class RingHash {
public:
    explicit RingHash(unsigned points_per_node) : points_per_node_(points_per_node) {}

    /// `node` is the caller's number for it.
    void add(std::string_view name, std::uint32_t node);
    void remove(std::uint32_t node);
    /// After the last add().
    void sort();

    /// There has to be a node.
    std::uint32_t find(std::string_view key) const noexcept;

private:
    struct Point {
        std::uint32_t at, node;
        friend auto operator<=>(const Point&, const Point&) noexcept = default;
    };
    unsigned points_per_node_;
    std::vector<Point> points_;
};

}  // namespace turnpike::admin
