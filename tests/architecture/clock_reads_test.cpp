// Time is an argument. Only common/base/system_clock.hpp, the drivers (turn/net, signaling/net), mains and
// tests read a clock.
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/architecture/source_tree.hpp"

namespace turnpike::architecture {
namespace {

bool may_read_a_clock(const SourceFile& file) {
    return file.path == "common/base/system_clock.hpp" || file.room == "turn/net" || file.room == "signaling/net" ||
           file.path.ends_with("/main.cpp");
}

TEST(ClockReads, AreWhereTheDesignHasThem) {
    static const std::regex read{R"(::now\s*\(|\bclock_gettime\s*\(|\bgettimeofday\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\))"};
    for (const auto& [path, file] : sources()) {
        if (may_read_a_clock(file)) continue;
        std::istringstream lines{code_of(root() / path)};
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            EXPECT_FALSE(std::regex_search(line, read)) << path << ":" << number << ": " << line;
        }
    }
}

TEST(ClockReads, SystemClockDoesRead) {
    EXPECT_NE(code_of(root() / "common/base/system_clock.hpp").find("clock_gettime"), std::string::npos);
}

// Randomness too comes in by an argument.
TEST(RandomReads, AreWhereTheDesignHasThem) {
    static const std::regex read{R"(\bstd::random_device\b|\bgetrandom\s*\(|\bRAND_(priv_)?bytes\s*\(|\b(std::)?s?rand\s*\(\s*\)|/dev/urandom)"};
    for (const auto& [path, file] : sources()) {
        if (file.path == "common/crypto/system_random.cpp" || file.path.ends_with("/main.cpp")) continue;
        std::istringstream lines{code_of(root() / path)};
        std::size_t number = 0;
        for (std::string line; std::getline(lines, line);) {
            ++number;
            EXPECT_FALSE(std::regex_search(line, read)) << path << ":" << number << ": " << line;
        }
    }
}

}  // namespace
}  // namespace turnpike::architecture
