#pragma once

namespace turnpike::net {

/// Descriptors kept back from clients, so that the admin endpoint and the logs still get theirs.
inline constexpr int kReservedDescriptors = 32;

/// Whether a new descriptor eats into the reserve. Asks the process's limit each time: it may be changed
/// from outside (prlimit).
bool in_reserve(int fd) noexcept;

}  // namespace turnpike::net
