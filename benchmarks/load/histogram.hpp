#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// Latencies from a nanosecond to half an hour in buckets of at most 1 % width: a row per power of
/// two, 256 columns in it. Adding is O(1) and allocates nothing.
///
/// Source  Gil Tene, HdrHistogram
class Histogram {
public:
    Histogram() : counts_(kRows * kColumns) {}

    void add(Nanoseconds value) noexcept {
        const std::uint64_t ns = value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
        ++counts_[index(ns)];
        ++total_;
        max_ = max_ < value ? value : max_;
    }
    void add(const Histogram& other) noexcept {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
        max_ = max_ < other.max_ ? other.max_ : max_;
    }

    void clear() noexcept {
        std::ranges::fill(counts_, 0);
        total_ = 0;
        max_ = {};
    }

    std::uint64_t total() const noexcept { return total_; }
    Nanoseconds max() const noexcept { return max_; }
    /// The value that `percent` of all do not exceed; zero when there is none.
    Nanoseconds percentile(double percent) const noexcept {
        if (total_ == 0) return {};
        auto wanted =
            static_cast<std::uint64_t>(percent / 100.0 * static_cast<double>(total_) + 0.5);
        wanted = wanted == 0 ? 1 : wanted;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen >= wanted) return upper(i) < max_ ? upper(i) : max_;
        }
        return max_;
    }

private:
    static constexpr unsigned kColumnBits = 8;
    static constexpr std::size_t kColumns = 1U << kColumnBits;
    static constexpr std::size_t kRows = 36;

    // Row 0 counts single nanoseconds below kColumns; row r those with r + kColumnBits bits.
    static std::size_t index(std::uint64_t ns) noexcept {
        const auto bits = static_cast<unsigned>(std::bit_width(ns));
        if (bits <= kColumnBits) return ns;
        const unsigned row = bits - kColumnBits;
        if (row >= kRows) return kRows * kColumns - 1;
        // The leading bit is the row's; half of the columns hold the row, which is precision
        // enough.
        return row * kColumns + (ns >> row);
    }
    static Nanoseconds upper(std::size_t i) noexcept {
        const std::size_t row = i / kColumns, column = i % kColumns;
        return Nanoseconds{static_cast<std::int64_t>(((column + 1) << row) - 1)};
    }

    std::vector<std::uint64_t> counts_;
    std::uint64_t total_ = 0;
    Nanoseconds max_{};
};

}  // namespace turnpike::bench
