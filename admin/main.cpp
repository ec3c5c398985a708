#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "admin/cli.hpp"
#include "common/base/system_clock.hpp"

int main(int argc, char** argv) {
    using namespace turnpike;
    std::signal(SIGPIPE, SIG_DFL);  // "turnpike ... | head" ends quietly

    const SystemClock clock;
    std::error_code unknown;
    admin::World world{
        .in = std::cin,
        .out = std::cout,
        .err = std::cerr,
        .in_is_terminal = ::isatty(STDIN_FILENO) == 1,
        .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
        .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
        .variable = [](const std::string& name) -> std::optional<std::string> {
            const char* value = std::getenv(name.c_str());
            return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
        },
        .program_folder = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path(),
        .clock = clock,
    };
    return admin::run({argv + 1, argv + argc}, world);
}
