#include "benchmarks/load/network_namespace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include <cerrno>

namespace turnpike::bench {

std::expected<InNamespace, std::string> InNamespace::enter(const std::string& name) {
    InNamespace inside;
    if (name.empty()) return inside;
    const std::string path = name.find('/') == std::string::npos ? "/run/netns/" + name : name;
    Socket home{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    const Socket target{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (home.descriptor() < 0 || target.descriptor() < 0 ||
        ::setns(target.descriptor(), CLONE_NEWNET) != 0) {
        return std::unexpected(fmt::format("network namespace '{}': {}", name, error_text(errno)));
    }
    inside.home_ = std::move(home);
    return inside;
}

InNamespace::~InNamespace() {
    if (home_.descriptor() >= 0) static_cast<void>(::setns(home_.descriptor(), CLONE_NEWNET));
}

}  // namespace turnpike::bench
