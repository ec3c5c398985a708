#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/load/histogram.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// What became of the packets of one flow, judged at its receiver.
class FlowMeter {
public:
    void sent() noexcept { ++sent_; }

    /// A packet with an intact payload.
    void received(std::uint64_t sequence, Nanoseconds latency) {
        const std::size_t word = sequence / 64;
        const std::uint64_t bit = std::uint64_t{1} << (sequence % 64);
        if (word >= seen_.size()) seen_.resize(word + 1);
        if ((seen_[word] & bit) != 0) {
            ++duplicated_;
            return;
        }
        seen_[word] |= bit;
        ++received_;
        if (sequence < next_) ++reordered_;
        else next_ = sequence + 1;
        latency_.add(latency);
    }
    /// One that is none of ours, or damaged.
    void damaged() noexcept { ++damaged_; }

    std::uint64_t sent_count() const noexcept { return sent_; }
    std::uint64_t received_count() const noexcept { return received_; }
    std::uint64_t lost() const noexcept { return sent_ - received_; }
    std::uint64_t duplicated() const noexcept { return duplicated_; }
    std::uint64_t reordered() const noexcept { return reordered_; }
    std::uint64_t damaged_count() const noexcept { return damaged_; }
    const Histogram& latency() const noexcept { return latency_; }

    /// Two flows as one.
    void add(const FlowMeter& other) {
        sent_ += other.sent_;
        received_ += other.received_;
        duplicated_ += other.duplicated_;
        reordered_ += other.reordered_;
        damaged_ += other.damaged_;
        latency_.add(other.latency_);
    }

private:
    std::uint64_t sent_ = 0, received_ = 0, duplicated_ = 0, reordered_ = 0, damaged_ = 0;
    std::uint64_t next_ = 0;           // one past the highest sequence seen
    std::vector<std::uint64_t> seen_;  // a bit a sequence
    Histogram latency_;
};

}  // namespace turnpike::bench
