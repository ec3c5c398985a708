#pragma once

#include <cstdint>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

namespace turnpike::core {

/// Where a worker's records are while their allocations live, so that they outlast the process: the core
/// says what changed, turn/net has a file (journal.hpp). Nothing here is called for a packet.
///
/// Threading  the worker's
class RecordKeeper {
public:
    /// Where something is kept; 0: nowhere.
    using Place = std::uint32_t;

    /// Keeps what encode_credential() wrote.
    virtual Place keep_credential(ByteView credential) = 0;
    /// No record names it any more.
    virtual void forget_credential(Place credential) = 0;

    /// Keeps what AllocationRecord::encode_allocation() wrote at `now`, in place of what is at `place`. Where
    /// it is from now on.
    virtual Place keep(Place place, Place credential, ByteView allocation, Instant now) = 0;
    virtual void forget(Place place) = 0;

protected:
    ~RecordKeeper() = default;
};

}  // namespace turnpike::core
