#pragma once

#include <expected>
#include <string>

#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {

/// The calling thread is in a network namespace while this lives: sockets that are opened meanwhile
/// belong to it for good.
///
/// Errors     a sentence: no such namespace, or no right to enter it (CAP_SYS_ADMIN)
/// Threading  the thread that made it also ends it
class InNamespace {
public:
    /// `name` as `ip netns` has it, or a path as /proc/PID/ns/net. Empty: stays where it is.
    static std::expected<InNamespace, std::string> enter(const std::string& name);
    InNamespace(InNamespace&&) noexcept = default;
    InNamespace& operator=(InNamespace&&) = delete;
    ~InNamespace();

private:
    InNamespace() = default;
    Socket home_;  // a descriptor of the namespace to go back to
};

}  // namespace turnpike::bench
