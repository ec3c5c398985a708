#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/cluster/model.hpp"

namespace turnpike::cluster {

/// What is to be placed.
struct Wish {
    std::string_view key;       // the room; or a subject, for credentials outside rooms
    std::uint32_t seats = 1;    // members it may have; 0 counts as 1
    std::string_view region{};  // where its members are; empty: anywhere
};

/// Where it goes.
struct Placed {
    enum class Fit : std::uint8_t {
        Wanted,     // in the region that was wanted, or none was
        Elsewhere,  // nothing is free in that region, or no node is there
        Full,       // nothing is free anywhere: an overloaded node rather than none
    };
    std::size_t node = 0;  // its place in the list that the table was made from
    Fit fit = Fit::Wanted;
};

/// The nodes as placement sees them. What place() answers is a function of the nodes' ids, states,
/// URLs, regions, capacities, loads and seats, and of the wish: every machine that is told the same
/// answers the same, whatever the order of the list.
///
/// - Only active nodes with URLs; of the wanted region while one there has free capacity, else all.
/// - Weighted rendezvous hashing: a node's chance is its share of the free capacity. When a node
///   goes, only its own keys move; when one comes, only those that it wins.
/// - Bounded load: a node is passed over that would have more than 1.15 times the mean of the seats
///   (by capacity). A node that is busier than 1.15 times the mean load, with what no room of ours
///   explains, has a smaller fair share, and is bounded by 1.15 times that. Whoever has less than
///   its fair share now may always take the room, since rooms are not divided; there always is such
///   a node. So neither a burst of joins nor chosen names of rooms fill a node.
/// - A node without free capacity is taken only when no node has any; then capacity counts in place
///   of free capacity.
///
/// Seats are what is known at once; load is what was measured a heartbeat ago. Whoever places a
/// room adds its seats, keeps it there while the node keeps rooms, and takes the seats away when it
/// ends.
///
/// Shape      sorted rows of 40 bytes; place() reads each row of its region once
/// Threading  a value; place() is const
/// Source     DESIGN 6; the bound is after Mirrokni, Thorup and Zadimoghaddam (2018)
class PlacementTable {
public:
    static constexpr std::uint32_t kBoundPercent = 115;

    PlacementTable() = default;
    explicit PlacementTable(std::span<const NodeInfo> nodes);

    /// Nothing when no node takes rooms.
    std::optional<Placed> place(const Wish& wish) const noexcept;

    /// Counts seats at a node of the list, until the table is made anew. Those of nodes that take
    /// no rooms count nowhere.
    void add_seats(std::size_t node, std::uint64_t seats) noexcept {
        change_seats(node, seats, true);
    }
    /// Takes away what was added, or was there from the start.
    void remove_seats(std::size_t node, std::uint64_t seats) noexcept {
        change_seats(node, seats, false);
    }

    /// Of nodes that take rooms.
    std::size_t size() const noexcept { return rows_.size(); }

private:
    struct Row {
        std::uint64_t hash;  // of the id
        std::uint64_t seats;
        // In 1/65536 of a usual node. Fair is what counts for its share in its region and in all.
        std::uint32_t capacity, free, fair_in_region, fair_in_all;
        std::uint32_t node, pool;
    };
    struct Pool {  // rows of one region, or all
        std::string region;
        std::size_t first = 0, count = 0;
        std::uint64_t seats = 0, capacity = 0, free = 0, fair = 0;
    };
    struct By {
        std::uint32_t Row::*weight;
        std::uint32_t Row::*fair;
        std::uint64_t fair_sum;
    };

    void set_fair(Pool& pool, std::uint32_t Row::*fair) noexcept;
    const Pool* pool_of(std::string_view region) const noexcept;
    std::size_t pick(const Pool& pool, const Wish& wish, By by) const noexcept;
    void change_seats(std::size_t node, std::uint64_t seats, bool more) noexcept;

    std::vector<Row> rows_;    // by region, then hash
    std::vector<Pool> pools_;  // by region
    Pool everywhere_;
    std::vector<std::uint32_t> row_of_;  // of each node of the list; kNone
    static constexpr std::uint32_t kNone = UINT32_MAX;
};

/// The same for one key over a list that is used once.
const NodeInfo* place(const Wish& wish, std::span<const NodeInfo> nodes);

}  // namespace turnpike::cluster
