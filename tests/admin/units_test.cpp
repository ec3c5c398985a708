#include "admin/units.hpp"

#include <gtest/gtest.h>

namespace turnpike::admin {
namespace {

TEST(Units, Bytes) {
    EXPECT_EQ(human_bytes(0), "0 B");
    EXPECT_EQ(human_bytes(999), "999 B");
    EXPECT_EQ(human_bytes(1000), "1.0 kB");
    EXPECT_EQ(human_bytes(12'345), "12 kB");
    EXPECT_EQ(human_bytes(999'499), "999 kB");
    EXPECT_EQ(human_bytes(999'500), "1.0 MB");
    EXPECT_EQ(human_bytes(UINT64_MAX), "18 EB");
}

TEST(Units, Durations) {
    EXPECT_EQ(human_duration(0), "0s");
    EXPECT_EQ(human_duration(59), "59s");
    EXPECT_EQ(human_duration(60), "1m");
    EXPECT_EQ(human_duration(3661), "1h1m");
    EXPECT_EQ(human_duration(90'000), "1d1h");
    EXPECT_EQ(human_duration(86'405), "1d");
}

TEST(Units, ParsesDurationsAndNothingElse) {
    EXPECT_EQ(parse_duration("90"), 90s);
    EXPECT_EQ(parse_duration("1h30m"), 5400s);
    EXPECT_EQ(parse_duration("2d"), 172800s);
    for (const char* wrong : {"", "0", "0s", "h", "1x", "-1s", "1h30", "1 h", "99999999999", "9999999d"}) {
        EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
    }
}

TEST(Units, Rfc3339) { EXPECT_EQ(rfc3339(from_unix_seconds(1'800'000'000)), "2027-01-15T08:00:00Z"); }

TEST(Units, PrintableKeepsTextAndDropsSteering) {
    EXPECT_EQ(printable("Zoë 日本 🎧"), "Zoë 日本 🎧");
    EXPECT_EQ(printable("a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
    EXPECT_EQ(printable("\u202Eevil\u2066"), "?evil?");           // right-to-left override
    EXPECT_EQ(printable("\xc3\x28 \xff \xed\xa0\x80"), "?( ? ???");  // broken UTF-8, a surrogate
    EXPECT_EQ(printable("\xe6\x97"), "??");                         // cut in the middle
}

TEST(Units, WidthCountsColumns) {
    EXPECT_EQ(display_width("abc"), 3U);
    EXPECT_EQ(display_width("Zoë"), 3U);
    EXPECT_EQ(display_width("日本"), 4U);
    EXPECT_EQ(display_width("e\u0301"), 1U);
}

}  // namespace
}  // namespace turnpike::admin
