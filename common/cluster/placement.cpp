#include "common/cluster/placement.hpp"

#include <cmath>

#include "common/base/hash.hpp"

namespace turnpike::cluster {
namespace {

// A uniform number in (0, 1) from key and node. The key of the hash is fixed: every machine must
// come to the same answer, and a key that its chooser places badly harms only that chooser.
double draw(std::uint64_t key_hash, std::string_view node) noexcept {
    const std::uint64_t bits = keyed_hash(key_hash, 0x7475726e70696b65ULL, as_bytes(node));
    return (static_cast<double>(bits >> 11) + 0.5) * 0x1.0p-53;
}

bool eligible(const NodeInfo& node) noexcept {
    return node.state == NodeState::Active && !node.urls.empty();
}

}  // namespace

const NodeInfo* place(std::string_view key, std::span<const NodeInfo> nodes) noexcept {
    const std::uint64_t key_hash = keyed_hash(0, 0, as_bytes(key));
    const NodeInfo* best = nullptr;
    double best_score = 0;
    for (const NodeInfo& node : nodes) {
        if (!eligible(node)) continue;
        // -w / ln(u): the chance to be the greatest is proportional to w. A full node keeps a
        // weight too small to win against any other.
        const double weight = node.free_capacity() > 0 ? node.free_capacity() : 1e-12;
        const double score = -weight / std::log(draw(key_hash, node.id));
        if (best == nullptr || score > best_score || (score == best_score && node.id < best->id)) {
            best = &node;
            best_score = score;
        }
    }
    return best;
}

}  // namespace turnpike::cluster
