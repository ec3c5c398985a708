#include "common/ops/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace turnpike::ops {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;

struct Captured {
    std::vector<std::string> lines;
    Log log;
    explicit Captured(Log::Format format, Level level = Level::Info)
        : log({level, format}, [this](Level, std::string_view line) { lines.emplace_back(line); }) {
    }
};

TEST(Log, WritesTextForPeople) {
    Captured c{Log::Format::Text};
    c.log.info("allocation.closed", {{"reason", "expired"},
                                     {"bytes_to_peer", 1200U},
                                     {"ratio", 0.5},
                                     {"drained", false},
                                     {"delta", -3}});
    ASSERT_EQ(c.lines.size(), 1u);
    EXPECT_THAT(c.lines[0], ContainsRegex("^[0-9:.]+ +info +allocation.closed reason=expired "
                                          "bytes_to_peer=1200 ratio=0.5 drained=false delta=-3$"));
}

TEST(Log, WritesLogfmtThatStrangersCannotForge) {
    Captured c{Log::Format::Logfmt};
    c.log.warning(
        "auth.failed",
        {{"user", "a b=\"c\"\nlevel=error \x1b[2J"}, {"empty", ""}, {"plain", "x-1.2:3"}});
    ASSERT_EQ(c.lines.size(), 1u);
    EXPECT_THAT(c.lines[0], ContainsRegex("^time=20[0-9T:.-]+Z level=warning event=auth.failed "));
    EXPECT_THAT(c.lines[0],
                EndsWith(R"( user="a b=\"c\"\nlevel=error \x1b[2J" empty="" plain=x-1.2:3)"));
}

TEST(Log, WritesJsonThatParses) {
    Captured c{Log::Format::Json};
    c.log.error(
        "store.lost",
        {{"reason", "caf\xC3\xA9 \xFF \"x\"\n"}, {"count", 18446744073709551615ULL}, {"ok", true}});
    ASSERT_EQ(c.lines.size(), 1u);
    const auto line = nlohmann::json::parse(c.lines[0]);
    EXPECT_EQ(line["level"], "error");
    EXPECT_EQ(line["event"], "store.lost");
    EXPECT_EQ(line["count"], 18446744073709551615ULL);
    EXPECT_EQ(line["ok"], true);
    EXPECT_THAT(line["reason"].get<std::string>(), HasSubstr("caf\xC3\xA9"));
    EXPECT_THAT(line["time"].get<std::string>(), ContainsRegex("^20..-..-..T..:..:..\\....Z$"));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
    Captured c{Log::Format::Logfmt, Level::Warning};
    c.log.info("a");
    c.log.warning("b");
    EXPECT_EQ(c.lines.size(), 1u);
    c.log.set_level(Level::Debug);
    c.log.debug("c");
    EXPECT_EQ(c.lines.size(), 2u);
    c.log.set_level(Level::Off);
    c.log.error("d");
    EXPECT_EQ(c.lines.size(), 2u);
}

TEST(Log, LimitsWhatStrangersCanCause) {
    Captured c{Log::Format::Logfmt};
    for (int i = 0; i < 1000; ++i) c.log.limited(Level::Warning, 1h, "tls.failed", {{"i", i}});
    c.log.limited(Level::Warning, 0s, "other");
    c.log.limited(Level::Warning, 0s, "other");
    ASSERT_EQ(c.lines.size(), 3u);
    EXPECT_THAT(c.lines[0], EndsWith("event=tls.failed i=0"));
}

TEST(Log, SaysHowManyItLeftOut) {
    Captured c{Log::Format::Logfmt};
    for (int i = 0; i < 3; ++i) c.log.limited(Level::Warning, 1h, "x");
    c.log.limited(Level::Warning, 0s, "x");
    ASSERT_EQ(c.lines.size(), 2u);
    EXPECT_THAT(c.lines[0], EndsWith("event=x"));
    EXPECT_THAT(c.lines[1], EndsWith("event=x suppressed=2"));
}

}  // namespace
}  // namespace turnpike::ops
