#pragma once

#include <functional>
#include <string>
#include <vector>

namespace turnpike::net::testing {

/// Runs `body` on a thread whose network exists for it only: a loopback interface of that MTU, with these IPv6
/// addresses beside ::1. What the thread starts is in there, too. Why it could not be; empty when it ran.
std::string in_own_network(int mtu, const std::vector<std::string>& addresses, const std::function<void()>& body);

}  // namespace turnpike::net::testing
