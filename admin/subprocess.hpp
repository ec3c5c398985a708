#pragma once

#include <expected>
#include <string>
#include <vector>

namespace turnpike::admin {

struct ProcessResult {
    int status = 0;      // as the shell has it: 128 + signal when killed
    std::string output;  // stdout and stderr, in order
};

/// Runs a program to its end, its input empty. Nothing but a sentence when it cannot be started.
/// A bare name is looked for in PATH.
std::expected<ProcessResult, std::string> run_program(const std::vector<std::string>& command);

}  // namespace turnpike::admin
