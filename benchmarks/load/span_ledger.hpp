#pragma once

#include <array>
#include <utility>

#include "benchmarks/load/delivery.hpp"

namespace turnpike::bench {

/// Books packets under the span of time in which they were due. A span stays open for a grace time
/// after its end, so that what is under way is not called lost.
///
/// Shape   two spans are open at most; what comes for an older one is in the total alone
class SpanLedger {
public:
    /// Packets that were due before `begin` (the warm-up) are in no span and not in the total.
    SpanLedger(Instant begin, Nanoseconds span)
        : begin_(begin),
          oldest_(begin),
          span_(span),
          grace_(std::min<Nanoseconds>(span / 2, 200ms)) {}

    bool counts(Instant due) const noexcept { return due >= begin_; }
    /// Where a packet belongs that counts().
    Delivery& of(Instant due) noexcept {
        if (due < oldest_) return total_;
        return due < oldest_ + span_ ? open_[0] : open_[1];
    }

    /// Calls closed(from, to, delivery) for each span that is over by `now`.
    template <typename Closed>
    void roll(Instant now, Closed&& closed) {
        while (now >= oldest_ + span_ + grace_) close(oldest_ + span_, closed);
    }
    /// Closes what is open as of `end`, the last moment when a packet was due.
    template <typename Closed>
    void finish(Instant end, Closed&& closed) {
        if (oldest_ + span_ < end) close(oldest_ + span_, closed);
        // A last piece of a span would say little, and its rate would be noise.
        if (end - oldest_ >= span_ / 2) close(end, closed);
        for (Delivery& rest : open_) total_.add(rest);
    }
    const Delivery& total() const noexcept { return total_; }
    /// Packets of all spans by now, and those that are missing.
    std::uint64_t sent() const noexcept { return total_.sent + open_[0].sent + open_[1].sent; }
    std::uint64_t missing() const noexcept {
        const std::uint64_t received = total_.received + open_[0].received + open_[1].received;
        return sent() > received ? sent() - received : 0;
    }

private:
    template <typename Closed>
    void close(Instant end, Closed& closed) {
        closed(oldest_, end, std::as_const(open_[0]));
        total_.add(open_[0]);
        std::swap(open_[0], open_[1]);
        open_[1].clear();
        oldest_ = end;
    }

    Instant begin_, oldest_;
    Nanoseconds span_, grace_;
    std::array<Delivery, 2> open_;
    Delivery total_;
};

}  // namespace turnpike::bench
