// rooms: admin common/config common/crypto common/base
//
// The CLI's arguments, separated by NULs, on a machine where no daemon runs: whatever they are, the answer is a
// documented exit code and, where it is not 0, a sentence.

#include <sstream>
#include <string>
#include <string_view>

#include "admin/cli.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;

namespace {

constexpr std::size_t kArgumentsMax = 32;
constexpr int kExitCodeLast = 8;  // DESIGN 7

class StandingClock final : public Clock {
public:
    Instant now() const noexcept override { return Instant{1000s}; }
    WallTime wall() const noexcept override { return from_unix_seconds(1'800'000'000); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::string> arguments{"--runtime-dir", "/nonexistent"};
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    while (!rest.empty() && arguments.size() < kArgumentsMax) {
        const std::size_t end = rest.find('\0');
        std::string argument{rest.substr(0, end)};
        // Files of this machine are no business of a fuzzer's.
        if (argument.find('/') == std::string::npos && argument != "-") arguments.push_back(std::move(argument));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }

    std::istringstream in;
    std::ostringstream out, err;
    const StandingClock clock;
    admin::World world{.in = in,
                       .out = out,
                       .err = err,
                       .in_is_terminal = false,
                       .out_is_terminal = (size & 1) != 0,
                       .err_is_terminal = false,
                       .variable = [](const std::string&) -> std::optional<std::string> { return {}; },
                       .program_folder = "/nonexistent",
                       .clock = clock};
    const int code = admin::run(arguments, world);
    FUZZ_CHECK(code >= 0 && code <= kExitCodeLast);
    FUZZ_CHECK(code == 0 || !err.str().empty());
    // What comes from outside may not steer the terminal.
    FUZZ_CHECK(err.str().find('\x1b') == std::string::npos);
    return 0;
}
