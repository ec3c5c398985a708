#pragma once

#include "common/cluster/command.hpp"

namespace turnpike::cluster {

/// The atomic steps of queries.hpp.
extern const Script kUpdateHash;    // KEYS hash; ARGV expiry, n, n × (field, value), removed...
extern const Script kAppend;        // KEYS stream; ARGV most, expiry, (field, value)...
extern const Script kReserveQuota;  // KEYS scores; ARGV id, limit, lease

}  // namespace turnpike::cluster
