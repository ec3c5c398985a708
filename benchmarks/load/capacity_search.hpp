#pragma once

#include <optional>

namespace turnpike::bench {

/// Finds the highest rate that passes: steps up until one fails, then halves the distance.
///
///     while (auto rate = search.next()) search.told(*rate passes);
///     search.best()
///
/// Shape  a failure is tried again once before it counts: a machine hiccups, and does not succeed
/// by accident
class CapacitySearch {
public:
    struct Plan {
        double first = 1000, step = 1.5;
        double highest = 1e7;
        double resolution = 0.05;  // of the rate
    };

    explicit CapacitySearch(const Plan& plan) noexcept : plan_(plan), rate_(plan.first) {}

    /// The rate to try; nothing when it is found.
    std::optional<double> next() const noexcept {
        if (done_) return {};
        return rate_;
    }
    void told(bool passes) noexcept;

    /// 0 when nothing passed.
    double best() const noexcept { return passed_; }
    /// The lowest that failed, where one did.
    std::optional<double> worst() const noexcept {
        return failed_ > 0 ? std::optional{failed_} : std::nullopt;
    }

private:
    Plan plan_;
    double rate_, passed_ = 0, failed_ = 0;
    bool again_ = false, done_ = false;
};

}  // namespace turnpike::bench
