#include "benchmarks/load/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace turnpike::bench {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kResult = R"({
  "mode": "relay", "verdict": "clean", "server": "127.0.0.1:3478", "packets_per_second": 98100, "loss": 0.001,
  "p50_us": 82, "latency": {"p99_9_us": 1100, "spectrum_us": [[0, 20], [50, 82], [99, 300], [100, 900]]},
  "server_cpu": {"packets_per_cpu_second": 250000},
  "intervals": [{"to_s": 1, "packets_per_second": 98000, "p50_us": 81}, {"to_s": 2, "packets_per_second": 98200, "p50_us": 83}]
})";

StoredResult result(const std::string& file = "first.json") {
    return {file, nlohmann::ordered_json::parse(kResult)};
}

TEST(ResultFile, TakesObjectsOneBehindTheOtherArraysAndStreams) {
    const TempDir folder;
    const auto file = (folder.path() / "many.json").string();
    std::ofstream{file} << kResult << "\n"
                        << kResult << "\n[" << kResult
                        << "]\n{\"type\": \"interval\", \"sent\": 1}\n";
    const auto results = read_results(file);
    ASSERT_TRUE(results) << results.error();
    EXPECT_EQ(results->size(), 3U);
    EXPECT_EQ(results->front().number("server_cpu.packets_per_cpu_second"), 250000);
    EXPECT_FALSE(results->front().number("server_cpu"));
    EXPECT_FALSE(results->front().number("server_cpu.no"));
    EXPECT_FALSE(results->front().number("mode.no"));
}

TEST(ResultFile, SaysWhatIsWrong) {
    const TempDir folder;
    const auto write = [&](const char* name, const char* text) {
        const auto file = (folder.path() / name).string();
        std::ofstream{file} << text;
        return file;
    };
    EXPECT_THAT(read_results((folder.path() / "none").string()).error(), HasSubstr("cannot read"));
    EXPECT_THAT(read_results(write("cut", "{\"mode\": ")).error(), HasSubstr("is no JSON"));
    EXPECT_THAT(read_results(write("other", "{\"a\": 1}")).error(), HasSubstr("no result"));
    EXPECT_THAT(read_results(write("empty", "\n")).error(), HasSubstr("no result"));
}

TEST(Report, DrawsWhatThereIsAndNothingElse) {
    const auto plots = plots_of({result()});
    std::vector<std::string> titles;
    for (const Plot& plot : plots) titles.push_back(plot.title);
    EXPECT_THAT(titles, testing::ElementsAre("Rate over time", "Median latency over time",
                                             "Latency by percentile"));
    EXPECT_TRUE(
        plots_of({StoredResult{
                     "x", nlohmann::ordered_json::parse(
                              R"({"mode": "relay", "intervals": 7, "latency": [], "steps": {}})")}})
            .empty());
}

TEST(Report, HasNumbersInEveryForm) {
    const std::string html = as_html({result(), result("second.json")});
    EXPECT_THAT(html, HasSubstr("98.1 k"));
    EXPECT_THAT(html, HasSubstr("<svg"));
    EXPECT_THAT(html, HasSubstr("second"));
    EXPECT_THAT(html, Not(HasSubstr("http://")));  // it needs nothing from elsewhere
    EXPECT_THAT(as_markdown({result()}), HasSubstr("| loss | 0.100 % |"));
    EXPECT_THAT(as_svg({result()}), HasSubstr("xmlns"));
}

TEST(Report, TextFromFilesIsNoMarkup) {
    StoredResult evil = result("<script>.json");
    evil.json["server"] = "<img src=x>";
    const std::string html = as_html({evil});
    EXPECT_THAT(html, Not(HasSubstr("<script>")));
    EXPECT_THAT(html, Not(HasSubstr("<img")));
    EXPECT_THAT(html, HasSubstr("&lt;img src=x&gt;"));
}

TEST(Plot, KeepsItsLinesInside) {
    Plot plot{.title = "t",
              .x_label = "x",
              .y_label = "y",
              .y_scale = Plot::Scale::Logarithmic,
              .y_unit = Plot::Unit::Microseconds,
              .x_ticks = {},
              .series = {}};
    plot.series.push_back({"zero and huge", {{0, 0}, {1, 1e9}}});
    const std::string svg = draw(plot, 0, 0, 400, 200);
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
    EXPECT_THAT(svg, Not(HasSubstr("inf")));
    EXPECT_THAT(svg, HasSubstr("M78.0 154.0 L384.0 36.0"));
}

}  // namespace
}  // namespace turnpike::bench
