#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/cluster/placement.hpp"

namespace turnpike::signaling {

/// The relays as they are now, and the seats of our rooms on them. The rooms' seats count at once;
/// the relays' own loads follow with their heartbeats.
///
/// Threading  one thread
class RelayPool {
public:
    void set(std::vector<cluster::NodeInfo> relays);
    const std::vector<cluster::NodeInfo>& all() const noexcept { return relays_; }

    /// Null when there is no such relay.
    const cluster::NodeInfo* find(std::string_view id) const noexcept;
    /// Null when no relay takes rooms.
    const cluster::NodeInfo* place(const cluster::Wish& wish) const noexcept;

    /// A room is now at that relay, or no longer. Remembered while the relay is away.
    void sit(std::string_view relay, unsigned seats);
    void stand(std::string_view relay, unsigned seats);

private:
    std::vector<cluster::NodeInfo> relays_;
    cluster::PlacementTable table_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::map<std::string, std::uint64_t, std::less<>> seats_;
};

}  // namespace turnpike::signaling
