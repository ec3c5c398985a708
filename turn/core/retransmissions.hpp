#pragma once

#include <vector>

#include "common/base/clock.hpp"
#include "common/base/hash.hpp"
#include "turn/core/path.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::core {

/// The answers of the last requests that would be answered otherwise if they came again: a Refresh
/// that deleted its allocation. A retransmission is the same bytes from the same 5-tuple, and
/// gets the same bytes back.
///
/// Everything else needs no memory: Allocate finds its transaction id in the allocation, the rest
/// does the same thing twice (the stateless approach of RFC 8489 §6.3.1).
class Retransmissions {
public:
    static constexpr std::size_t kAnswers = 256;
    static constexpr Seconds kKept{40};  // RFC 8489 §6.3.1

    explicit Retransmissions(HashKey key) : key_(key) {}

    void remember(const FiveTuple& tuple, const stun::MessageView& request, ByteView answer, Instant now);
    /// Empty when the request is new.
    ByteView find(const FiveTuple& tuple, const stun::MessageView& request, Instant now) const noexcept;

private:
    struct Answer {
        FiveTuple tuple;
        std::uint64_t request = 0;  // keyed hash of its bytes
        Instant until{};
        Bytes bytes;
    };

    HashKey key_;
    std::vector<Answer> answers_;  // a ring once it is full
    std::size_t next_ = 0;
};

}  // namespace turnpike::core
