#pragma once

#include <expected>
#include <string>
#include <vector>

#include "benchmarks/load/measurement.hpp"

namespace turnpike::bench {

/// What a measurement has to hold: "loss<0.1%", "p99<5ms".
class ServiceLevel {
public:
    /// loss with a percentage; p50, p90, p99, p99.9, p99.99 or max with us, ms or s.
    static std::expected<ServiceLevel, std::string> parse(const std::string& text);

    bool holds(const Measurement& measurement) const;
    const std::string& text() const noexcept { return text_; }

private:
    std::string text_;
    double percentile_ = -1;  // below zero: loss
    double loss_max_ = 0;     // 0 to 1
    Nanoseconds latency_max_{};
};

/// The first one that does not hold; empty when all do.
std::string first_broken(const std::vector<ServiceLevel>& levels, const Measurement& measurement);

}  // namespace turnpike::bench
