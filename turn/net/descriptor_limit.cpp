#include "turn/net/descriptor_limit.hpp"

#include <sys/resource.h>

namespace turnpike::net {

bool in_reserve(int fd) noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return false;
    return static_cast<rlim_t>(fd) + kReservedDescriptors >= limit.rlim_cur;
}

}  // namespace turnpike::net
