#include "common/config/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/document.hpp"

namespace turnpike::config {
namespace {

using ::testing::HasSubstr;

/// One key with the value `toml`, read by `read`; the problem it caused, or nothing.
template <typename Read>
std::string problem_of(std::string_view toml, Read read) {
    Document document;
    document.parse("key = " + std::string{toml} + "\n", "t.toml");
    Table root = document.root();
    read(root);
    document.finish();
    EXPECT_LE(document.problems().size(), 1u) << document.report();
    return document.problems().empty() ? "" : document.problems()[0].message;
}

TEST(Table, ReadsDurations) {
    const std::pair<std::string_view, Seconds> good[] = {
        {"\"20s\"", 20s}, {"\"10m\"", 10min}, {"\"1h30m\"", 90min}, {"45", 45s}, {"\"1d\"", 24h}};
    for (const auto& [toml, expected] : good) {
        Seconds value{7};
        EXPECT_EQ(
            problem_of(toml, [&](Table& t) { EXPECT_TRUE(t.duration("key", value, 1s, 24h)); }),
            "");
        EXPECT_EQ(value, expected) << toml;
    }
    for (const std::string_view bad :
         {"\"\"", "\"20\"", "\"s\"", "\"20 s\"", "\"-1s\"", "\"10m1h\"", "\"99999999999s\"", "true",
          "1.5", "\"25h\"", "0", "-1", "9223372036854775807", "\"1500ms\""}) {
        Seconds value{7};
        EXPECT_NE(
            problem_of(bad, [&](Table& t) { EXPECT_FALSE(t.duration("key", value, 1s, 24h)); }), "")
            << bad;
        EXPECT_EQ(value, 7s);
    }
    Milliseconds fine{};
    EXPECT_EQ(problem_of("\"1s250ms\"", [&](Table& t) { t.duration("key", fine, 0ms, 2s); }), "");
    EXPECT_EQ(fine, 1250ms);
}

TEST(Table, ReadsSizes) {
    std::size_t value = 0;
    EXPECT_EQ(problem_of("\"64KiB\"", [&](Table& t) { t.bytes("key", value, 0, 1 << 20); }), "");
    EXPECT_EQ(value, 65536u);
    EXPECT_EQ(problem_of("\"1MB\"", [&](Table& t) { t.bytes("key", value, 0, 1 << 20); }), "");
    EXPECT_EQ(value, 1'000'000u);
    EXPECT_NE(problem_of("\"64KX\"", [&](Table& t) { t.bytes("key", value, 0, 1 << 20); }), "");
    EXPECT_NE(problem_of("\"2MiB\"", [&](Table& t) { t.bytes("key", value, 0, 1 << 20); }), "");
    EXPECT_NE(problem_of("-1", [&](Table& t) { t.bytes("key", value, 0, 1 << 20); }), "");
}

// Security reference, section 6, row 64: ports.
TEST(Table, ReadsEndpointsAndSaysWhatIsWrongWithOthers) {
    Endpoint value;
    EXPECT_EQ(problem_of("\"[2001:db8::1]:3478\"", [&](Table& t) { t.endpoint("key", value); }),
              "");
    EXPECT_EQ(value.to_string(), "[2001:db8::1]:3478");
    const std::pair<std::string_view, std::string_view> bad[] = {
        {"\"192.0.2.1\"", "has no port; write it as \"192.0.2.1:3478\""},
        {"\"2001:db8::1\"", "has no port; write it as \"[2001:db8::1]:3478\""},
        {"\":3478\"", "has no address; write \"0.0.0.0:3478\""},
        {"\"192.0.2.1:65536\"", "has no port between 0 and 65535"},
        {"\"192.0.2.1:-1\"", "has no port between 0 and 65535"},
        {"\"192.0.2.1:3478x\"", "has no port between 0 and 65535"},
        {"\"turn.example.org:3478\"", "a host name will not do"},
        {"\"what\"", "is no address and port"},
        {"3478", "expected an address and port"},
    };
    for (const auto& [toml, expected] : bad) {
        EXPECT_THAT(problem_of(toml, [&](Table& t) { EXPECT_FALSE(t.endpoint("key", value)); }),
                    HasSubstr(expected))
            << toml;
    }
}

// Row 66.
TEST(Table, ReadsBlocksAndSaysWhatIsWrongWithOthers) {
    std::vector<Cidr> value;
    EXPECT_EQ(problem_of("[\"10.0.0.0/8\", \"2001:db8::/32\", \"192.0.2.7\"]",
                         [&](Table& t) { EXPECT_TRUE(t.cidrs("key", value)); }),
              "");
    ASSERT_EQ(value.size(), 3u);
    EXPECT_EQ(value[2].to_string(), "192.0.2.7/32");
    EXPECT_EQ(problem_of("\"10.0.0.0/8\"", [&](Table& t) { EXPECT_TRUE(t.cidrs("key", value)); }),
              "");
    EXPECT_EQ(value.size(), 1u);
    const std::pair<std::string_view, std::string_view> bad[] = {
        {"\"10.20.0.1/16\"", "did you mean \"10.20.0.0/16\"?"},
        {"\"2001:db8::1/32\"", "did you mean \"2001:db8::/32\"?"},
        {"\"::ffff:10.0.0.0/104\"", "IPv4-mapped"},
        {"\"10.0.0.0-10.0.0.9\"", "ranges are not supported"},
        {"\"10.0.0.0/33\"", "between 0 and 32"},
        {"\"banana\"", "is no block"},
        {"[1]", "expected a block of addresses"},
    };
    for (const auto& [toml, expected] : bad) {
        EXPECT_THAT(problem_of(toml, [&](Table& t) { EXPECT_FALSE(t.cidrs("key", value)); }),
                    HasSubstr(expected))
            << toml;
    }
}

TEST(Table, ReadsPortsAndSaysWhatIsWrongWithOthers) {
    std::vector<std::uint16_t> value = {7};
    const std::pair<std::string_view, std::string_view> bad[] = {
        {"3478", "expected a list of port numbers"},
        {"[\"3478\"]", "expected a port number"},
        {"[3478, 0]", "has 0; a port is between 1 and 65535"},
        {"[65536]", "has 65536; a port is between 1 and 65535"},
    };
    for (const auto& [toml, expected] : bad) {
        EXPECT_THAT(problem_of(toml, [&](Table& t) { EXPECT_FALSE(t.ports("key", value)); }),
                    HasSubstr(expected))
            << toml;
        EXPECT_EQ(value, std::vector<std::uint16_t>{7});
    }
    EXPECT_EQ(problem_of("[3478, 65535]", [&](Table& t) { EXPECT_TRUE(t.ports("key", value)); }), "");
    EXPECT_EQ(value, (std::vector<std::uint16_t>{3478, 65535}));
}

TEST(Table, ReadsChoicesWithASuggestion) {
    enum class Mode { Default, Lab };
    Mode mode = Mode::Default;
    const auto read = [&](Table& t) {
        return t.choice("key", mode, {{"default", Mode::Default}, {"lab", Mode::Lab}});
    };
    EXPECT_EQ(problem_of("\"lab\"", read), "");
    EXPECT_EQ(mode, Mode::Lab);
    EXPECT_EQ(problem_of("\"defualt\"", read),
              "key must be one of \"default\", \"lab\"; did you mean \"default\"?");
    EXPECT_EQ(mode, Mode::Lab);
}

TEST(Table, RefusesTheWrongTypeAndKeepsTheDefault) {
    const std::string_view wrong[] = {"\"yes\"", "1", "[true]", "{a = 1}", "1979-05-27"};
    for (const std::string_view toml : wrong) {
        bool value = true;
        EXPECT_THAT(problem_of(toml, [&](Table& t) { EXPECT_FALSE(t.flag("key", value)); }),
                    HasSubstr("key: expected true or false, found "))
            << toml;
        EXPECT_TRUE(value);
    }
    double rate = 10;
    EXPECT_EQ(problem_of("2.5", [&](Table& t) { t.number("key", rate, 0, 100); }), "");
    EXPECT_EQ(rate, 2.5);
    EXPECT_EQ(problem_of("7", [&](Table& t) { t.number("key", rate, 0, 100); }), "");
    EXPECT_EQ(rate, 7);
    EXPECT_NE(problem_of("nan", [&](Table& t) { t.number("key", rate, 0, 100); }), "");
    EXPECT_NE(problem_of("inf", [&](Table& t) { t.number("key", rate, 0, 100); }), "");
}

TEST(Table, ReadsListsOfTables) {
    Document document;
    document.parse("[[listen]]\ntransport = \"udp\"\n[[listen]]\ntransprot = \"tcp\"\n", "t.toml");
    std::vector<std::string> transports;
    for (Table listen : document.root().tables("listen")) {
        std::string transport = "udp";
        listen.text("transport", transport);
        transports.push_back(transport);
    }
    document.finish();
    EXPECT_EQ(transports.size(), 2u);
    EXPECT_THAT(
        document.report(),
        HasSubstr(
            "t.toml:4:1: unknown key \"transprot\" in [listen]; did you mean \"transport\"?"));
}

TEST(Table, SaysHowAListOfTablesIsWritten) {
    Document document;
    document.parse("[listen]\ntransport = \"udp\"\n", "t.toml");
    EXPECT_TRUE(document.root().tables("listen").empty());
    document.finish();
    EXPECT_THAT(document.report(),
                HasSubstr("listen: expected a list of tables, [[listen]], found a table"));
}

TEST(Table, ReadsLabels) {
    std::map<std::string, std::string> labels;
    EXPECT_EQ(problem_of("{region = \"fra\", zone = \"a\"}",
                         [&](Table& t) { EXPECT_TRUE(t.labels("key", labels)); }),
              "");
    EXPECT_EQ(labels.at("region"), "fra");
    EXPECT_NE(problem_of("{region = 1}", [&](Table& t) { EXPECT_FALSE(t.labels("key", labels)); }),
              "");
}

}  // namespace
}  // namespace turnpike::config
