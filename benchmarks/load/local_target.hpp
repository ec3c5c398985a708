#pragma once

#include <string>

#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// Whether packets to the address stay on this machine, seen from a network namespace (as
/// InNamespace::enter takes it). A rule that errs on the strict side:
/// - a loopback address, or one that an interface or a local route of the namespace has;
/// - or an address that is on-link (no gateway) behind a veth: the other end is a namespace here.
///
/// False too when the kernel cannot be asked.
bool stays_here(const IpAddress& address, const std::string& netns);

}  // namespace turnpike::bench
