#pragma once

#include <string>

#include "benchmarks/load/relay_mode.hpp"

namespace turnpike::bench {

/// For people: a few lines.
std::string as_text(const RelayOptions& options, const RelayReport& report);
/// For programs: one JSON object; times in microseconds and seconds, as the names say.
std::string as_json(const RelayOptions& options, const RelayReport& report);

}  // namespace turnpike::bench
