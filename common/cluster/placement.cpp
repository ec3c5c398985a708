#include "common/cluster/placement.hpp"

#include <algorithm>
#include <cmath>

#include "common/base/hash.hpp"
#include "common/cluster/rendezvous.hpp"

namespace turnpike::cluster {
namespace {

using rendezvous::Wide;

constexpr std::uint64_t kSeatsMax =
    std::uint64_t{1} << 40;  // beyond any cluster: keeps a hostile record from overflowing a sum

std::uint32_t units(double capacity) noexcept {
    constexpr double kUnit = 65536, kMost = 1024;
    if (!(capacity > 0)) return 0;
    return static_cast<std::uint32_t>(std::lround(std::min(capacity, kMost) * kUnit));
}

// The hashes' keys are fixed: every machine must come to the same answer.
std::uint64_t hash_of_key(std::string_view key) noexcept {
    return keyed_hash(0, 0, as_bytes(key));
}
std::uint64_t hash_of_node(std::string_view id) noexcept {
    return keyed_hash(0, 0x7475726e70696b65ULL, as_bytes(id));
}

}  // namespace

PlacementTable::PlacementTable(std::span<const NodeInfo> nodes) : row_of_(nodes.size(), kNone) {
    rows_.reserve(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const NodeInfo& node = nodes[i];
        const std::uint32_t capacity = units(node.capacity);
        if (!takes_rooms(node.state) || node.urls.empty() || capacity == 0) continue;
        rows_.push_back({hash_of_node(node.id), std::min(node.seats, kSeatsMax), capacity,
                         units(node.free_capacity()), 0, 0, static_cast<std::uint32_t>(i), 0});
    }
    std::ranges::sort(rows_, [&](const Row& a, const Row& b) {
        const NodeInfo &left = nodes[a.node], &right = nodes[b.node];
        if (const auto order = left.region() <=> right.region(); order != 0) return order < 0;
        return a.hash != b.hash ? a.hash < b.hash : left.id < right.id;
    });
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        Row& row = rows_[i];
        const std::string_view region = nodes[row.node].region();
        if (pools_.empty() || pools_.back().region != region)
            pools_.push_back({std::string{region}, i});
        row.pool = static_cast<std::uint32_t>(pools_.size() - 1);
        row_of_[row.node] = static_cast<std::uint32_t>(i);
        for (Pool* pool : {&pools_.back(), &everywhere_}) {
            ++pool->count;
            pool->seats += row.seats;
            pool->free += row.free;
            pool->capacity += row.capacity;
        }
    }
    for (Pool& pool : pools_) set_fair(pool, &Row::fair_in_region);
    set_fair(everywhere_, &Row::fair_in_all);
}

// A node within 1.15 times the mean load counts in full. A busier one counts for what it has free
// beside what a node at that limit has free: others than our rooms use it, and pushing rooms there
// for evenness would overload it.
void PlacementTable::set_fair(Pool& pool, std::uint32_t Row::*fair) noexcept {
    const Wide used = Wide{pool.capacity - pool.free} * kBoundPercent,
               all = Wide{pool.capacity} * 100;
    for (std::size_t i = pool.first; i < pool.first + pool.count; ++i) {
        Row& row = rows_[i];
        const bool within = Wide{row.capacity - row.free} * all <= used * row.capacity;
        row.*fair = row.free == 0 ? 0
                    : within      ? row.capacity
                                  : static_cast<std::uint32_t>(row.free * all / (all - used));
        // What is free is something, however little.
        if (row.free > 0) row.*fair = std::max(row.*fair, 1U);
        pool.fair += row.*fair;
    }
}

const PlacementTable::Pool* PlacementTable::pool_of(std::string_view region) const noexcept {
    if (region.empty()) return &everywhere_;
    const auto found = std::ranges::lower_bound(pools_, region, {}, &Pool::region);
    return found != pools_.end() && found->region == region ? &*found : nullptr;
}

std::optional<Placed> PlacementTable::place(const Wish& wish) const noexcept {
    if (rows_.empty()) return {};
    const Pool* wanted = pool_of(wish.region);
    if (wanted != nullptr && wanted->free > 0) {
        const bool all = wanted == &everywhere_;
        return Placed{
            pick(*wanted, wish,
                 {&Row::free, all ? &Row::fair_in_all : &Row::fair_in_region, wanted->fair}),
            Placed::Fit::Wanted};
    }
    if (everywhere_.free > 0) {
        return Placed{pick(everywhere_, wish, {&Row::free, &Row::fair_in_all, everywhere_.fair}),
                      Placed::Fit::Elsewhere};
    }
    const Pool& pool = wanted != nullptr ? *wanted : everywhere_;
    return Placed{pick(pool, wish, {&Row::capacity, &Row::capacity, pool.capacity}),
                  Placed::Fit::Full};
}

std::size_t PlacementTable::pick(const Pool& pool, const Wish& wish, By by) const noexcept {
    const std::uint64_t key = hash_of_key(wish.key);
    const std::uint64_t more = std::max(wish.seats, 1U), seats = pool.seats + more;
    const auto has_room = [&](const Row& row) noexcept {
        const Wide fair = Wide{seats} * (row.*by.fair);
        return Wide{row.seats} * by.fair_sum < fair ||
               Wide{row.seats + more} * pool.capacity * 100 <= fair * kBoundPercent;
    };
    const Row* best = nullptr;
    Draw first;
    for (std::size_t i = pool.first; i < pool.first + pool.count; ++i) {
        const Row& row = rows_[i];
        if (row.*by.weight == 0) continue;
        std::uint64_t x = rendezvous::mixed(key ^ row.hash);
        x += x == 0;
        // -ln(1 - x) is never below x, so most rows need no logarithm.
        if (!Draw{x >> 6, row.*by.weight}.earlier_than(first) && best != nullptr) continue;
        if (!has_room(row)) continue;
        const Draw draw{rendezvous::minus_log_of_rest(x), row.*by.weight};
        if (best != nullptr && !draw.earlier_than(first)) continue;
        best = &row;
        first = draw;
    }
    // The fair shares add up to all seats with this room, and the seats held do not: somebody has
    // less than its share.
    return best->node;
}

void PlacementTable::change_seats(std::size_t node, std::uint64_t seats, bool more) noexcept {
    if (node >= row_of_.size() || row_of_[node] == kNone) return;
    Row& row = rows_[row_of_[node]];
    const std::uint64_t now = more ? std::min(row.seats + std::min(seats, kSeatsMax), kSeatsMax)
                                   : row.seats - std::min(seats, row.seats);
    for (Pool* pool : {&pools_[row.pool], &everywhere_})
        pool->seats = pool->seats - row.seats + now;
    row.seats = now;
}

const NodeInfo* place(const Wish& wish, std::span<const NodeInfo> nodes) {
    const auto placed = PlacementTable{nodes}.place(wish);
    return placed ? &nodes[placed->node] : nullptr;
}

}  // namespace turnpike::cluster
