#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "admin/ring_hash.hpp"
#include "common/cluster/placement.hpp"

namespace turnpike::admin {

/// A cluster in numbers only: rooms of four are placed by common/cluster/placement and, beside it,
/// by a ring. Seats are known at once, loads only every heartbeat, which is when a twentieth of the
/// rooms has been placed.
///
/// Errors     none; the caller keeps at least one node
/// Threading  one thread
class PlacementSimulation {
public:
    static constexpr std::uint32_t kSeats = 4;

    struct Options {
        std::size_t nodes = 10, rooms_per_node = 10;
        std::uint64_t seed = 1;
        unsigned ring_points = 20;
    };
    /// How even it is, and what it cost.
    struct Spread {
        double most = 0, least = 0;  // of the mean of the nodes that take rooms
        std::size_t moved = 0;  // rooms that live on and are on another node than before the step
    };
    struct Result {
        std::size_t nodes = 0;  // that take rooms
        std::size_t rooms = 0;
        std::size_t displaced = 0;  // rooms whose node went: these had to move
        Spread turnpike, ring;
    };
    /// Called as rooms are placed; done of all in this step.
    using Progress = std::function<void(std::size_t done, std::size_t all)>;

    explicit PlacementSimulation(const Options& options);

    /// The rooms that the first nodes have.
    Result fill(const Progress& progress);
    Result join(std::size_t count, const Progress& progress);
    /// `count` nodes, drawn by lot, vanish; their rooms go elsewhere. At most nodes() - 1.
    Result lose(std::size_t count, const Progress& progress) {
        return leave(count, cluster::NodeState::Lost, progress);
    }
    Result drain(std::size_t count, const Progress& progress) {
        return leave(count, cluster::NodeState::Draining, progress);
    }
    /// `count` rooms, drawn by lot, end, and as many new ones open.
    Result churn(std::size_t count, const Progress& progress);

    std::size_t nodes() const noexcept { return serving_; }
    std::size_t rooms() const noexcept { return rooms_.size(); }

private:
    struct Room {
        std::string name;
        std::uint32_t node = 0, ring_node = 0;
    };

    void add_node();
    void heartbeat();
    void settle(Room& room);
    void place(std::vector<std::size_t> which, const Progress& progress, bool fresh);
    Result leave(std::size_t count, cluster::NodeState state, const Progress& progress);
    Result measure(std::size_t displaced, std::size_t moved, std::size_t ring_moved) const;
    std::size_t follow_ring();
    Spread spread(const std::vector<std::uint64_t>& seats) const;
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

    Options options_;
    std::mt19937_64 random_;
    double full_at_;  // seats of a node that is full: at the first filling, nodes are at 60 %
    std::vector<cluster::NodeInfo> nodes_;
    std::vector<std::uint64_t> seats_;
    cluster::PlacementTable table_;
    RingHash ring_;
    std::vector<Room> rooms_;
    std::size_t serving_ = 0, names_ = 0;
};

}  // namespace turnpike::admin
