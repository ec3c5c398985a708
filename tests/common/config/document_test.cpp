#include "common/config/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temp_dir.hpp"

namespace turnpike::config {
namespace {

using ::testing::HasSubstr;

struct Relay {
    int min_port = 49152, max_port = 65535;
    Seconds max_lifetime = 1h;
};

Relay read_relay(Document& document) {
    Relay relay;
    Table table = document.root().table("relay");
    table.number("min_port", relay.min_port, 1, 65535);
    table.number("max_port", relay.max_port, 1, 65535);
    table.duration("max_lifetime", relay.max_lifetime, 60s, 24h);
    document.root().table("auth").cidrs("blocks", *std::make_unique<std::vector<Cidr>>());
    document.finish();
    return relay;
}

TEST(Document, KeepsDefaultsOfWhatIsNotThere) {
    Document document;
    document.parse("[relay]\nmin_port = 50000\n", "relay.toml");
    const Relay relay = read_relay(document);
    EXPECT_TRUE(document.ok()) << document.report();
    EXPECT_EQ(relay.min_port, 50000);
    EXPECT_EQ(relay.max_port, 65535);
    EXPECT_EQ(relay.max_lifetime, 1h);
}

TEST(Document, NamesTheUnknownKeyWithItsPlaceAndTheNearestKnownOne) {
    Document document;
    document.parse("[relay]\nmin_port = 50000\n  max_prot = 50100\n", "relay.toml");
    read_relay(document);
    ASSERT_EQ(document.problems().size(), 1u);
    const Problem& problem = document.problems()[0];
    EXPECT_EQ(problem.line, 3u);
    EXPECT_EQ(problem.column, 3u);
    EXPECT_EQ(problem.to_string(),
              "relay.toml:3:3: unknown key \"max_prot\" in [relay]; did you mean \"max_port\"?\n"
              "      max_prot = 50100\n"
              "      ^~~~~~~~\n");
}

TEST(Document, KnowsWhichTableAKeyBelongsTo) {
    Document document;
    document.parse("[auth]\nmin_port = 1\n[rely]\n", "relay.toml");
    read_relay(document);
    EXPECT_THAT(
        document.report(),
        HasSubstr("relay.toml:2:1: unknown key \"min_port\" in [auth]; it belongs to [relay]"));
    EXPECT_THAT(document.report(),
                HasSubstr("relay.toml:3:2: unknown table [rely]; did you mean [relay]?"));
}

TEST(Document, CollectsEveryProblemInTheOrderOfTheFile) {
    Document document;
    document.parse(
        "[relay]\nmax_lifetime = \"soon\"\nmax_port = 65536\nmin_port = \"3478x\"\nbogus = 1\n",
        "relay.toml");
    read_relay(document);
    ASSERT_EQ(document.problems().size(), 4u) << document.report();
    const std::pair<std::uint32_t, std::uint32_t> places[] = {{2, 16}, {3, 12}, {4, 12}, {5, 1}};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(document.problems()[i].line, places[i].first) << i;
        EXPECT_EQ(document.problems()[i].column, places[i].second) << i;
    }
    EXPECT_EQ(document.problems()[1].message,
              "relay.max_port is 65536; it must be between 1 and 65535");
    EXPECT_EQ(document.problems()[2].message,
              "relay.min_port: expected an integer, found a string");
}

TEST(Document, ReportsSyntaxErrorsWithTheirPlace) {
    Document document;
    document.parse("[relay]\nmin_port = 49152\nmax_port = 65a\n", "bad.toml");
    ASSERT_EQ(document.problems().size(), 1u);
    EXPECT_EQ(document.problems()[0].line, 3u);
    EXPECT_EQ(document.problems()[0].column, 14u);
    EXPECT_THAT(document.report(), HasSubstr("bad.toml:3:14: "));
}

TEST(Document, RefusesASectionThatIsThereTwice) {
    Document document;
    document.parse("[relay]\n[auth]\n[relay]\n", "relay.toml");
    ASSERT_EQ(document.problems().size(), 1u);
    EXPECT_EQ(document.problems()[0].line, 3u);
}

TEST(Document, FlagsGoOverTheFile) {
    Document document;
    document.parse("[relay]\nmin_port = 50000\nmax_port = 50010\n", "relay.toml");
    document.set("relay.max_port=60000");
    document.set("relay.max_lifetime=10m");
    const Relay relay = read_relay(document);
    EXPECT_TRUE(document.ok()) << document.report();
    EXPECT_EQ(relay.min_port, 50000);
    EXPECT_EQ(relay.max_port, 60000);
    EXPECT_EQ(relay.max_lifetime, 10min);
}

TEST(Document, TheLaterFlagWins) {
    Document document;
    document.set("relay.max_port=60000");
    document.set("relay.max_port=60001");
    EXPECT_EQ(read_relay(document).max_port, 60001);
}

TEST(Document, FlagsTakeBareWordsAsStrings) {
    Document document;
    document.set("node.id=turn-1.example.org");
    document.set("node.zone=");
    document.set("node.day=2024-01-01");
    document.set("node.list=[\"a\", \"b\"]");
    document.set("node.port=\"5\"");
    Table node = document.root().table("node");
    std::string id, zone = "x", day, port;
    std::vector<std::string> list;
    EXPECT_TRUE(node.text("id", id));
    EXPECT_TRUE(node.text("zone", zone));
    EXPECT_TRUE(node.text("day", day));
    EXPECT_TRUE(node.texts("list", list));
    EXPECT_TRUE(node.text("port", port));
    document.finish();
    EXPECT_TRUE(document.ok()) << document.report();
    EXPECT_EQ(id, "turn-1.example.org");
    EXPECT_EQ(zone, "");
    EXPECT_EQ(day, "2024-01-01");
    EXPECT_EQ(list, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(port, "5");
}

TEST(Document, AFlagMayChangeAnElementOfAList) {
    Document document;
    document.parse(
        "[[listen]]\naddress = \"127.0.0.1:3478\"\n[[listen]]\naddress = \"[::1]:3478\"\n",
        "relay.toml");
    document.set("listen.1.address=[::1]:5000");
    auto listeners = document.root().tables("listen");
    ASSERT_EQ(listeners.size(), 2u);
    Endpoint first, second;
    listeners[0].endpoint("address", first);
    listeners[1].endpoint("address", second);
    document.finish();
    EXPECT_TRUE(document.ok()) << document.report();
    EXPECT_EQ(first.to_string(), "127.0.0.1:3478");
    EXPECT_EQ(second.to_string(), "[::1]:5000");
}

TEST(Document, NamesTheFlagThatIsWrong) {
    Document document;
    document.set("relay.min_port=70000");
    document.set("relay.max_prot=1");
    document.set("relay");
    document.set("=3");
    document.set("relay..x=3");
    document.set("relay.max_port=[1,");
    read_relay(document);
    EXPECT_THAT(document.report(), HasSubstr("--set relay.min_port:1:16: relay.min_port is 70000"));
    EXPECT_THAT(document.report(), HasSubstr("--set relay.max_prot:1:7: unknown key \"max_prot\" "
                                             "in [relay]; did you mean \"max_port\"?"));
    EXPECT_THAT(document.report(), HasSubstr("--set relay: write it as key=value"));
    EXPECT_EQ(document.problems().size(), 6u) << document.report();
}

TEST(Document, PrintsWhatIsInEffectWithItsOrigin) {
    Document document;
    document.parse("[relay]\nmin_port = 50000\n", "relay.toml");
    document.set("relay.max_port=60000");
    read_relay(document);
    const std::string text = document.effective();
    EXPECT_THAT(text, HasSubstr("[relay]\n"));
    EXPECT_THAT(text, ::testing::ContainsRegex("min_port = 50000 +# relay.toml:2\n"));
    EXPECT_THAT(text, ::testing::ContainsRegex("max_port = 60000 +# --set relay.max_port\n"));
    EXPECT_THAT(text, ::testing::ContainsRegex("max_lifetime = \"1h\" +# default\n"));

    // What is printed can be read again, to the same effect.
    Document again;
    again.parse(text, "printed.toml");
    const Relay relay = read_relay(again);
    EXPECT_TRUE(again.ok()) << again.report();
    EXPECT_EQ(relay.min_port, 50000);
    EXPECT_EQ(relay.max_port, 60000);
}

TEST(Document, ShowsThePlaceBehindTabsAndWideCharacters) {
    Document document;
    document.parse("[relay]\n\tmin_port = 0 # ü\n\"mäx\" = 1\n", "relay.toml");
    read_relay(document);
    ASSERT_EQ(document.problems().size(), 2u);
    EXPECT_EQ(document.problems()[0].excerpt, "    \tmin_port = 0 # ü\n    \t           ^\n");
    EXPECT_EQ(document.problems()[1].excerpt, "    \"mäx\" = 1\n    ^~~~~\n");
}

// Security reference, section 6, row 69.
TEST(DocumentFiles, RefuseWhatIsNoSmallRegularFileWithoutHanging) {
    const TempDir dir;
    const std::filesystem::path fifo = dir.path() / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const auto loop = dir.path() / "loop";
    std::filesystem::create_symlink(loop, loop);
    const auto big = dir.write("big.toml", std::string(Document::kFileBytesMax + 1, '#'));

    const std::pair<std::filesystem::path, std::string_view> rows[] = {
        {fifo, "it is a FIFO"},
        {"/dev/zero", "it is a device"},
        {dir.path(), "it is a directory"},
        {loop, "too many symbolic links"},
        {big, "larger than 1024 KiB"},
        {dir.path() / "missing.toml", "no such file"},
    };
    for (const auto& [path, expected] : rows) {
        Document document;
        document.load(path);
        EXPECT_FALSE(document.ok());
        EXPECT_THAT(document.report(), HasSubstr(expected));
        EXPECT_THAT(document.report(), HasSubstr("cannot read " + path.string()));
    }
}

TEST(DocumentFiles, RefuseWhatIsNoText) {
    using namespace std::string_view_literals;
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"\xFF\xFE[\0"sv, "UTF-16"},
        {"[relay]\n\0"sv, "NUL byte"},
        {"[relay]\nid = \"\xC3\x28\"\n"sv, "relay.toml:2:"},
    };
    for (const auto& [text, expected] : rows) {
        Document document;
        document.parse(text, "relay.toml");
        EXPECT_FALSE(document.ok());
        EXPECT_THAT(document.report(), HasSubstr(expected));
    }
}

TEST(DocumentFiles, RefuseAKeyThatNestsWithoutEnd) {
    std::string text = "a";
    for (int i = 0; i < 100'000; ++i) text += ".a";
    Document document;
    document.parse(text + " = 1\n", "relay.toml");
    EXPECT_FALSE(document.ok());
    EXPECT_THAT(document.report(), HasSubstr("dots in one line"));
}

TEST(DocumentFiles, StopListingProblemsAtALimit) {
    std::string text;
    for (int i = 0; i < 500; ++i) text += "k" + std::to_string(i) + " = 1\n";
    Document document;
    document.parse(text, "relay.toml");
    document.root();
    document.finish();
    EXPECT_EQ(document.problems().size(), Document::kProblemsMax);
    EXPECT_THAT(document.report(), HasSubstr("and 400 more problems"));
}

TEST(Nearest, FindsSlipsAndShortFormsOnly) {
    const std::vector<std::string_view> known{"max_port", "min_port", "certificate", "key"};
    EXPECT_EQ(nearest("max_prot", known), "max_port");
    EXPECT_EQ(nearest("cert", known), "certificate");
    EXPECT_EQ(nearest("kye", known), "key");
    EXPECT_EQ(nearest("banana", known), "");
    EXPECT_EQ(nearest(std::string(5000, 'a'), known), "");
}

}  // namespace
}  // namespace turnpike::config
