#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace turnpike::cluster {

/// Why a store did not do what it was asked. Of Deadline and Disconnected it is unknown whether the
/// store did it all the same; of the others it is known that it did not.
struct StoreError {
    enum class Kind : std::uint8_t {
        Deadline,      // no answer in time
        Disconnected,  // the connection broke after the command was sent
        Unavailable,   // the breaker is open: the store is away, nothing was sent
        Overflow,      // too many commands wait already
        Refused,       // the store answers but takes no writes: read-only, out of memory, MISCONF
        Denied,        // NOAUTH, WRONGPASS, NOPERM
        WrongType,     // the key holds something else
        BadReply,      // an answer of the wrong shape or size
        Failed,        // any other error of the store, in `detail`
        Closed,        // the Store was destroyed
    };

    Kind kind = Kind::Failed;
    std::string detail;  // for people; printable, at most 200 bytes

    friend bool operator==(const StoreError&, const StoreError&) = default;
};

std::string_view to_string(StoreError::Kind kind) noexcept;

template <typename T>
using Outcome = std::expected<T, StoreError>;

/// `text` of a stranger, fit for a log line: control bytes become '?', the rest is cut off.
std::string printable(std::string_view text, std::size_t most = 200);

}  // namespace turnpike::cluster
