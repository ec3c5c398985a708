#pragma once

#include <span>
#include <string_view>

#include "common/cluster/model.hpp"

namespace turnpike::cluster {

/// The node that `key` (a room, a user) is sent to: weighted rendezvous hashing over the active
/// nodes that have URLs, the weight being their free capacity. The same on every machine for the
/// same input, whatever the order of `nodes`; when a node goes, only its own keys move.
/// A full node (free capacity 0) is taken only when all are full. Null when no node is active.
///
/// Source  Thaler and Ravishankar (1998); the logarithmic weights are Schindelhauer and Schomaker's.
const NodeInfo* place(std::string_view key, std::span<const NodeInfo> nodes) noexcept;

}  // namespace turnpike::cluster
