#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "admin/cli.hpp"
#include "tests/admin/fake_daemon.hpp"

namespace turnpike::admin::test {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class FixedClock final : public Clock {
public:
    Instant now() const noexcept override { return {}; }
    WallTime wall() const noexcept override { return from_unix_seconds(1'800'000'000); }
};

struct Outcome {
    int code = 0;
    std::string out, err;
};

/// A relay "r1" and a signaling daemon "s1" in a runtime directory, and the CLI in front of them.
class CliTest : public ::testing::Test {
protected:
    CliTest();

    /// The CLI in a pipe, or with `terminal` on a terminal, where `input` is what gets typed.
    Outcome cli(std::vector<std::string> arguments, bool terminal = false, const std::string& input = {});
    /// The same, on a terminal.
    Outcome on_terminal(std::vector<std::string> arguments, const std::string& input = {}) { return cli(std::move(arguments), true, input); }
    /// -o json, parsed; the envelope is checked.
    Json json_of(std::vector<std::string> arguments, const std::string& kind);

    TemporaryFolder folder_;
    FakeDaemon relay_, signaling_;
    std::map<std::string, std::string> environment_;
    std::filesystem::path program_folder_ = "/nonexistent";
    bool add_runtime_dir_ = true;
};

/// Where `value` is not as a schema of ours says, empty when it is. Knows the words that our schemas use; the
/// end-to-end tests validate by a library.
std::string broken_promise(const Json& schema, const Json& value, const std::string& at = {});

extern const char* const kRelayFacts;
extern const char* const kSignalingFacts;
extern const char* const kAllocation;
extern const char* const kParticipants;

}  // namespace turnpike::admin::test
