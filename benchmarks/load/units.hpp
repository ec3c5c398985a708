#pragma once

#include <string>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// "82 µs", "1.1 ms", "2.50 s".
std::string duration_text(Nanoseconds time);
/// "950", "98.1 k", "1.02 M": three digits and the prefix, for a unit to follow.
std::string rate_text(double per_second);

inline double as_microseconds(Nanoseconds time) {
    return static_cast<double>(time.count() / 100) / 10;
}
inline double as_seconds(Nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}
inline Nanoseconds from_seconds(double seconds) {
    return Nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

}  // namespace turnpike::bench
