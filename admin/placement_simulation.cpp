#include "admin/placement_simulation.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace turnpike::admin {
namespace {

constexpr double kFirstLoad = 0.6;
constexpr std::size_t kHeartbeats = 20;  // while all rooms are placed

}  // namespace

PlacementSimulation::PlacementSimulation(const Options& options)
    : options_(options),
      random_(options.seed),
      full_at_(static_cast<double>(options.rooms_per_node * kSeats) / kFirstLoad),
      ring_(options.ring_points) {
    for (std::size_t i = 0; i < options_.nodes; ++i) add_node();
    ring_.sort();
}

void PlacementSimulation::add_node() {
    cluster::NodeInfo& node = nodes_.emplace_back();
    node.id = "relay-" + std::to_string(nodes_.size());
    node.state = cluster::NodeState::Active;
    node.urls = {"turn:" + node.id + ".example:3478"};
    seats_.push_back(0);
    ring_.add(node.id, static_cast<std::uint32_t>(nodes_.size() - 1));
    ++serving_;
}

void PlacementSimulation::heartbeat() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i].seats = seats_[i];
        nodes_[i].load = static_cast<double>(seats_[i]) / full_at_;
    }
    table_ = cluster::PlacementTable{nodes_};
}

void PlacementSimulation::settle(Room& room) {
    const auto placed = table_.place({room.name, kSeats});
    room.node = static_cast<std::uint32_t>(placed->node);
    table_.add_seats(placed->node, kSeats);
    seats_[placed->node] += kSeats;
}

void PlacementSimulation::place(std::vector<std::size_t> which, const Progress& progress,
                                bool fresh) {
    std::ranges::shuffle(which, random_);
    const std::size_t every = std::max<std::size_t>(1, rooms_.size() / kHeartbeats);
    for (std::size_t i = 0; i < which.size(); ++i) {
        if (i % every == 0) {
            heartbeat();
            if (progress) progress(i, which.size());
        }
        Room& room = rooms_[which[i]];
        if (fresh) {
            room.name = "room-" + std::to_string(options_.seed) + "-" + std::to_string(++names_);
            room.ring_node = ring_.find(room.name);
        }
        settle(room);
    }
    heartbeat();
    if (progress) progress(which.size(), which.size());
}

PlacementSimulation::Result PlacementSimulation::fill(const Progress& progress) {
    rooms_.resize(options_.nodes * options_.rooms_per_node);
    std::vector<std::size_t> all(rooms_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    place(std::move(all), progress, true);
    return measure(0, 0, 0);
}

PlacementSimulation::Result PlacementSimulation::join(std::size_t count, const Progress& progress) {
    for (std::size_t i = 0; i < count; ++i) add_node();
    ring_.sort();
    heartbeat();
    if (progress) progress(1, 1);
    return measure(0, 0, follow_ring());
}

PlacementSimulation::Result PlacementSimulation::leave(std::size_t count, cluster::NodeState state,
                                                       const Progress& progress) {
    std::vector<std::size_t> serving;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (cluster::takes_rooms(nodes_[i].state)) serving.push_back(i);
    }
    std::ranges::shuffle(serving, random_);
    serving.resize(std::min(count, serving_ - 1));
    for (const std::size_t node : serving) {
        nodes_[node].state = state;
        seats_[node] = 0;
        ring_.remove(static_cast<std::uint32_t>(node));
    }
    serving_ -= serving.size();
    std::vector<std::size_t> displaced;
    for (std::size_t i = 0; i < rooms_.size(); ++i) {
        if (!cluster::keeps_rooms(nodes_[rooms_[i].node].state)) displaced.push_back(i);
    }
    const std::size_t moved = displaced.size();
    place(std::move(displaced), progress, false);
    return measure(moved, moved, follow_ring());
}

PlacementSimulation::Result PlacementSimulation::churn(std::size_t count,
                                                       const Progress& progress) {
    std::vector<std::size_t> ended(rooms_.size());
    std::iota(ended.begin(), ended.end(), std::size_t{0});
    std::ranges::shuffle(ended, random_);
    ended.resize(std::min(count, ended.size()));
    for (const std::size_t room : ended) seats_[rooms_[room].node] -= kSeats;
    place(std::move(ended), progress, true);
    return measure(0, 0, 0);
}

// Where the ring has every room now; the number of those that it had elsewhere.
std::size_t PlacementSimulation::follow_ring() {
    std::size_t moved = 0;
    for (Room& room : rooms_) {
        const std::uint32_t now = ring_.find(room.name);
        moved += now != room.ring_node;
        room.ring_node = now;
    }
    return moved;
}

PlacementSimulation::Spread PlacementSimulation::spread(
    const std::vector<std::uint64_t>& seats) const {
    std::uint64_t most = 0, least = UINT64_MAX, all = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!cluster::takes_rooms(nodes_[i].state)) continue;
        most = std::max(most, seats[i]);
        least = std::min(least, seats[i]);
        all += seats[i];
    }
    const double mean = static_cast<double>(all) / static_cast<double>(serving_);
    if (mean <= 0) return {};
    return {static_cast<double>(most) / mean, static_cast<double>(least) / mean, 0};
}

PlacementSimulation::Result PlacementSimulation::measure(std::size_t displaced, std::size_t moved,
                                                         std::size_t ring_moved) const {
    std::vector<std::uint64_t> ring_seats(nodes_.size(), 0);
    for (const Room& room : rooms_) ring_seats[room.ring_node] += kSeats;
    Result result{serving_, rooms_.size(), displaced, spread(seats_), spread(ring_seats)};
    result.turnpike.moved = moved;
    result.ring.moved = ring_moved;
    return result;
}

}  // namespace turnpike::admin
