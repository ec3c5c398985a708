#include "common/ops/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace turnpike::ops {
namespace {

using ::testing::HasSubstr;

TEST(Metrics, AreCollectedAtEachScrape) {
    Metrics metrics;
    double allocations = 1;
    metrics.add([&](Scrape& s) {
        s.gauge("turnpike_relay_allocations", "Live allocations.", allocations,
                {{"transport", "udp"}});
    });
    EXPECT_THAT(metrics.text(), HasSubstr("# HELP turnpike_relay_allocations Live allocations.\n"
                                          "# TYPE turnpike_relay_allocations gauge\n"
                                          "turnpike_relay_allocations{transport=\"udp\"} 1"));
    allocations = 7;
    EXPECT_THAT(metrics.text(), HasSubstr("turnpike_relay_allocations{transport=\"udp\"} 7"));
}

TEST(Metrics, OfOneNameAreOneFamily) {
    Metrics metrics;
    metrics.add([](Scrape& s) { s.counter("x_total", "X.", 1, {{"kind", "a"}}); });
    metrics.add([](Scrape& s) { s.counter("x_total", "X.", 2, {{"kind", "b\"\n\\"}}); });
    const std::string text = metrics.text();
    EXPECT_EQ(text.find("# TYPE x_total"), text.rfind("# TYPE x_total"));
    EXPECT_THAT(text, HasSubstr("x_total{kind=\"b\\\"\\n\\\\\"} 2"));
}

TEST(Metrics, HistogramsAreCumulative) {
    Histogram histogram{{1, 5, 15}};
    for (const double v : {0.5, 1.0, 3.0, 20.0}) histogram.observe(v);
    Metrics metrics;
    metrics.add([&](Scrape& s) { s.histogram("d_seconds", "D.", histogram); });
    const std::string text = metrics.text();
    EXPECT_THAT(text, HasSubstr("d_seconds_count 4"));
    EXPECT_THAT(text, HasSubstr("d_seconds_sum 24.5"));
    EXPECT_THAT(text, HasSubstr("d_seconds_bucket{le=\"1\"} 2"));
    EXPECT_THAT(text, HasSubstr("d_seconds_bucket{le=\"5\"} 3"));
    EXPECT_THAT(text, HasSubstr("d_seconds_bucket{le=\"15\"} 3"));
    EXPECT_THAT(text, HasSubstr("d_seconds_bucket{le=\"+Inf\"} 4"));
}

TEST(Metrics, EveryLineParses) {
    Metrics metrics;
    metrics.add(collect_process);
    const std::string text = metrics.text();
    const std::regex sample{R"([a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})? [0-9.eE+-]+)"};
    std::istringstream lines{text};
    std::set<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with("# ")) continue;
        EXPECT_TRUE(std::regex_match(line, sample)) << line;
        names.insert(line.substr(0, line.find_first_of(" {")));
    }
    for (const char* name :
         {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
          "process_max_fds", "process_start_time_seconds", "process_threads"}) {
        EXPECT_TRUE(names.contains(name)) << name;
    }
}

}  // namespace
}  // namespace turnpike::ops
