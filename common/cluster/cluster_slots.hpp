#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/cluster/outcome.hpp"
#include "common/cluster/reply.hpp"
#include "common/cluster/store_url.hpp"

namespace turnpike::cluster {

inline constexpr std::uint16_t kClusterSlots = 16384;

/// The slot of a key in Redis Cluster: CRC-16/XMODEM of the hash tag, the part between the first
/// "{" and the next "}", or of the whole key when there is none or it is empty.
std::uint16_t hash_slot(std::string_view key) noexcept;

/// "MOVED 3999 10.0.0.1:6381" and "ASK ...".
struct Redirect {
    bool ask = false;
    std::uint16_t slot = 0;
    StoreAddress to;  // host empty: that of the server that said so
};
std::optional<Redirect> redirect_in(std::string_view error);

/// Which master serves which slots, as CLUSTER SLOTS says. Ranges that overlap or lie outside, and
/// more than 1000 masters, are BadReply.
struct SlotRange {
    std::uint16_t first = 0, last = 0;
    StoreAddress master;
};
Outcome<std::vector<SlotRange>> slot_ranges(const Reply& reply, std::string_view host_asked);

}  // namespace turnpike::cluster
