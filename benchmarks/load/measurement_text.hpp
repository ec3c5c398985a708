#pragma once

#include <string>
#include <string_view>

#include "benchmarks/load/measurement.hpp"
#include "benchmarks/load/verdict.hpp"

namespace turnpike::bench {

/// What was measured, in a mode's own words.
struct Wording {
    std::string_view things = "packets";
    std::string_view rate = "packets/s relayed";
    bool flows = true;  // with order and jitter
};

/// For people: a few lines.
std::string to_text(const Measurement& measurement, const Verdict& verdict,
                    const Wording& wording = {});
/// What an interval's line says of the load.
struct LineWording {
    std::size_t clients = 0;
    std::string_view unit = "pps";
    bool round_trip = false;
};

/// "[  5.0-6.0s] 200 clients  98.1 kpps  1.02 Gbit/s  loss 0.000%  rtt p50 82 µs …"
std::string to_text(const Interval& interval, const LineWording& wording);

}  // namespace turnpike::bench
