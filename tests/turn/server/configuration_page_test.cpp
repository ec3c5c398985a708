// docs/configuration.md has a line for every key of relay.toml, with its table.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

/// The page's part about relay.toml, by heading: "[relay]" → its text.
std::map<std::string, std::string> sections() {
    std::ifstream file{std::filesystem::path{TURNPIKE_SOURCE_DIR} / "docs/configuration.md"};
    std::map<std::string, std::string> out;
    std::string heading;
    bool relay = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) relay = line == "## relay.toml";
        if (!relay) continue;
        if (line.starts_with("### "))
            heading = line.substr(4);
        else
            out[heading] += line + "\n";
    }
    return out;
}

TEST(ConfigurationPage, NamesEveryKeyOfTheRelay) {
    const auto page = sections();
    ASSERT_TRUE(page.contains("[relay]"));
    const ReadText read{with_basics("secrets = [{value = \"0123456789abcdef\"}]\n")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    std::istringstream lines{read.document.effective()};
    std::string heading;
    int keys = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('[')) {
            heading = line;
            // What hangs below [auth] is explained there.
            if (heading.find("auth.") != std::string::npos) heading = "[auth]";
            continue;
        }
        if (line.starts_with("# ")) line.erase(0, 2);
        const std::size_t equals = line.find(" = ");
        if (equals == std::string::npos) continue;
        const std::string key = line.substr(0, equals);
        ASSERT_TRUE(page.contains(heading)) << heading;
        EXPECT_NE(page.at(heading).find("`" + key + "`"), std::string::npos)
            << heading << " " << key;
        ++keys;
    }
    EXPECT_GT(keys, 40);
}

}  // namespace
}  // namespace turnpike::relay
