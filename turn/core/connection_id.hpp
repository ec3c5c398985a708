#pragma once

#include "common/base/ids.hpp"
#include "common/base/random.hpp"

namespace turnpike::core {

/// CONNECTION-ID (RFC 6062 §6.2.1): names the connection between a relayed address and a peer until a
/// client's data connection is bound to it. Nobody else can guess one: it is drawn at random among
/// those that leave the owning worker's number when divided by the count of workers, so that any worker
/// knows where a data connection belongs.
struct ConnectionIdTag;
using ConnectionId = StrongId<ConnectionIdTag, std::uint32_t>;

inline unsigned worker_of(ConnectionId id, unsigned workers) noexcept { return id.value % workers; }

inline ConnectionId draw_connection_id(Random& random, unsigned worker, unsigned workers) noexcept {
    const std::uint32_t turns = UINT32_MAX / workers;  // the last turn may be cut short
    return {random.below(turns) * workers + worker};
}

}  // namespace turnpike::core
