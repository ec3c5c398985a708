#include "benchmarks/load/units.hpp"

#include <fmt/format.h>

namespace turnpike::bench {

std::string duration_text(Nanoseconds time) {
    const double us = static_cast<double>(time.count()) / 1e3;
    if (us < 10) return fmt::format("{:.1f} µs", us);
    if (us < 1000) return fmt::format("{:.0f} µs", us);
    if (us < 1e6) return fmt::format("{:.1f} ms", us / 1e3);
    return fmt::format("{:.2f} s", us / 1e6);
}

std::string rate_text(double value) {
    if (value < 1000) return fmt::format("{:.0f} ", value);
    if (value < 1e6) return fmt::format("{:.1f} k", value / 1e3);
    if (value < 1e9) return fmt::format("{:.2f} M", value / 1e6);
    return fmt::format("{:.2f} G", value / 1e9);
}

}  // namespace turnpike::bench
