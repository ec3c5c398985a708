#pragma once

#include <string>

namespace turnpike::admin {

/// What the program exits with; the table of docs and `turnpike --help`.
enum class ExitCode : int {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Permission = 4,
    Precondition = 5,
    Unreachable = 6,
    Deadline = 7,
    Partial = 8,
};

/// Why a command did not do what was asked, and what to do about it.
struct Failure {
    ExitCode code = ExitCode::Failed;
    std::string message;
    std::string fix;  // the next thing to try; may be empty
};

}  // namespace turnpike::admin
