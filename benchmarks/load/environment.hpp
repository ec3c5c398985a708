#pragma once

#include <map>
#include <string>

namespace turnpike::bench {

/// Where a result was measured: what somebody who compares two has to know.
/// Keys: host kernel machine processor processors governor rmem_max wmem_max tool
std::map<std::string, std::string> read_environment();

}  // namespace turnpike::bench
