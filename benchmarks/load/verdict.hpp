#pragma once

#include <string>
#include <vector>

#include "benchmarks/load/measurement.hpp"

namespace turnpike::bench {

/// What a measurement is worth.
struct Verdict {
    enum class Kind : std::uint8_t {
        Clean,      // every packet arrived once, intact
        Imperfect,  // the server, or the way to it, lost, repeated or damaged packets
        Saturated,  // the generator's own troubles explain the figures: they say nothing of the
                    // server
    };
    Kind kind = Kind::Clean;
    std::vector<std::string> reasons;  // sentences
};

/// What the run is asked for: its figures, or whether everything arrives.
enum class Purpose : std::uint8_t { Figures, Delivery };

/// Judges a run. The generator is to blame when
/// - its sockets dropped at least a twentieth of what is missing;
/// - it sent less than 99 % of its schedule;
/// - one packet in a hundred left more than 1 ms late, and that is a quarter of the latencies' p99
/// or
///   more. This one is of no interest where only delivery is.
Verdict judge(const Measurement& measurement, Purpose purpose);

std::string_view to_string(Verdict::Kind kind) noexcept;

}  // namespace turnpike::bench
