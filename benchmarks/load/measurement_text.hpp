#pragma once

#include <string>

#include "benchmarks/load/measurement.hpp"
#include "benchmarks/load/verdict.hpp"

namespace turnpike::bench {

/// For people: a few lines.
std::string to_text(const Measurement& measurement, const Verdict& verdict);
/// "[  5.0-6.0s] 200 clients  98.1 kpps  1.02 Gbit/s  loss 0.000%  rtt p50 82 µs …"
std::string to_text(const Interval& interval, std::size_t clients, bool round_trip);

}  // namespace turnpike::bench
