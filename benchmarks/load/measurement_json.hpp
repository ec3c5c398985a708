#pragma once

#include <nlohmann/json_fwd.hpp>

#include "benchmarks/load/measurement.hpp"
#include "benchmarks/load/verdict.hpp"

namespace turnpike::bench {

using Json = nlohmann::ordered_json;

/// For programs: times in microseconds, nanoseconds or seconds as the names say, shares from 0
/// to 1.
Json to_json(const Measurement& measurement, const Verdict& verdict);
Json to_json(const Interval& interval);
/// p50, p90, p99, p99.9, p99.99, mean and max, and the spectrum that a plot of percentiles needs.
Json to_json(const Histogram& histogram);

}  // namespace turnpike::bench
