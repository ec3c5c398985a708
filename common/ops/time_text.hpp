#pragma once

#include <string>

#include "common/base/clock.hpp"

namespace turnpike::ops {

/// RFC 3339 in UTC with milliseconds: 2026-11-24T12:00:01.123Z.
std::string rfc3339(WallTime time);

}  // namespace turnpike::ops
