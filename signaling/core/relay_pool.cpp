#include "signaling/core/relay_pool.hpp"

#include <algorithm>
#include <utility>

namespace turnpike::signaling {

void RelayPool::set(std::vector<cluster::NodeInfo> relays) {
    relays_ = std::move(relays);
    table_ = cluster::PlacementTable{relays_};
    index_.clear();
    for (std::size_t i = 0; i < relays_.size(); ++i) index_.emplace(relays_[i].id, i);
    for (const auto& [id, seats] : seats_) {
        if (const auto found = index_.find(id); found != index_.end())
            table_.add_seats(found->second, seats);
    }
}

const cluster::NodeInfo* RelayPool::find(std::string_view id) const noexcept {
    const auto found = index_.find(id);
    return found == index_.end() ? nullptr : &relays_[found->second];
}

const cluster::NodeInfo* RelayPool::place(const cluster::Wish& wish) const noexcept {
    const auto placed = table_.place(wish);
    return placed ? &relays_[placed->node] : nullptr;
}

void RelayPool::sit(std::string_view relay, unsigned seats) {
    if (relay.empty()) return;
    const auto held = seats_.find(relay);
    if (held == seats_.end())
        seats_.emplace(relay, seats);
    else
        held->second += seats;
    if (const auto found = index_.find(relay); found != index_.end())
        table_.add_seats(found->second, seats);
}

void RelayPool::stand(std::string_view relay, unsigned seats) {
    const auto held = seats_.find(relay);
    if (held == seats_.end()) return;
    held->second -= std::min<std::uint64_t>(seats, held->second);
    if (held->second == 0) seats_.erase(held);
    if (const auto found = index_.find(relay); found != index_.end())
        table_.remove_seats(found->second, seats);
}

}  // namespace turnpike::signaling
