#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// What became of the packets of one flow, judged at its receiver. Small, since there may be
/// 200,000.
///
/// Units   jitter in nanoseconds, interarrival jitter of RFC 3550 §6.4.1
class FlowMeter {
public:
    enum class Arrival : std::uint8_t { New, Late, Duplicate };

    /// How far behind the newest a packet can be and still be told from its duplicate. An older one
    /// counts as late.
    static constexpr std::uint64_t kWindow = 256;

    Arrival received(std::uint64_t sequence, Nanoseconds transit) noexcept {
        if (sequence >= next_) {
            advance(sequence);
            add_jitter(transit);
            return Arrival::New;
        }
        const std::uint64_t behind = next_ - 1 - sequence;
        if (behind >= kWindow) return Arrival::Late;
        std::uint64_t& word = seen_[(sequence / 64) % seen_.size()];
        const std::uint64_t bit = std::uint64_t{1} << (sequence % 64);
        if ((word & bit) != 0) return Arrival::Duplicate;
        word |= bit;
        return Arrival::Late;
    }

    /// Zero before the second packet.
    Nanoseconds jitter() const noexcept { return Nanoseconds{static_cast<std::int64_t>(jitter_)}; }
    bool any() const noexcept { return next_ != 0; }

private:
    void advance(std::uint64_t sequence) noexcept {
        // Words between the newest and this one hold what is out of the window by now.
        const std::uint64_t word = sequence / 64, last = next_ == 0 ? 0 : (next_ - 1) / 64;
        const std::uint64_t step = next_ == 0 ? seen_.size() : word - last;
        for (std::uint64_t i = 0; i < step && i < seen_.size(); ++i)
            seen_[(word - i) % seen_.size()] = 0;
        seen_[word % seen_.size()] |= std::uint64_t{1} << (sequence % 64);
        next_ = sequence + 1;
    }
    void add_jitter(Nanoseconds transit) noexcept {
        if (transit_ >= 0) {
            const auto difference = static_cast<float>(std::abs(transit.count() - transit_));
            jitter_ += (difference - jitter_) / 16;
        }
        transit_ = transit.count() < 0 ? 0 : transit.count();
    }

    std::uint64_t next_ = 0;  // one past the highest sequence seen
    std::array<std::uint64_t, kWindow / 64 + 1>
        seen_{};  // a word more than the window, which starts inside of one
    std::int64_t transit_ = -1;
    float jitter_ = 0;
};

}  // namespace turnpike::bench
