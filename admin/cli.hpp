#pragma once

#include <string>
#include <vector>

#include "admin/session.hpp"

namespace turnpike::admin {

/// The program: arguments without the program's name in, exit code out.
int run(const std::vector<std::string>& arguments, World& world);

}  // namespace turnpike::admin
