#include "benchmarks/load/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

constexpr int kWidth = 860, kHeight = 300;
constexpr std::size_t kSeriesMax = 7;  // more lines than colours say nothing

std::string name_of(const std::vector<StoredResult>& results, std::size_t i) {
    const std::string stem = std::filesystem::path{results[i].file}.stem();
    const auto same = std::ranges::count(results, results[i].file, &StoredResult::file);
    if (same == 1) return stem;
    const auto number =
        std::count_if(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                      [&](const StoredResult& other) { return other.file == results[i].file; });
    return fmt::format("{} #{}", stem, number);
}

std::string test_of(const StoredResult& result) {
    std::string out = result.text("mode");
    const auto add = [&](const std::string& text) {
        if (!text.empty()) out += ", " + text;
    };
    add(result.text("transport"));
    add(result.text("framing"));
    if (const auto n = result.number("allocations")) add(fmt::format("{} allocations", *n));
    add(result.text("direction"));
    if (const auto n = result.number("size_bytes")) add(fmt::format("{} bytes", *n));
    if (const auto n = result.number("burst"); n && *n > 1) add(fmt::format("bursts of {}", *n));
    if (const auto n = result.number("offered_packets_per_second"))
        add(fmt::format("{}pps offered", rate_text(*n)));
    return out;
}

// The rows of the table: a title, and what a result has there.
std::vector<std::pair<std::string, std::vector<std::string>>> rows_of(
    const std::vector<StoredResult>& results) {
    std::vector<std::pair<std::string, std::vector<std::string>>> rows;
    const auto add = [&](const std::string& title, auto&& cell) {
        std::vector<std::string> cells;
        for (const StoredResult& result : results) cells.push_back(cell(result));
        if (!std::ranges::all_of(cells, &std::string::empty))
            rows.emplace_back(title, std::move(cells));
    };
    const auto number = [&](const std::string& title, const char* path, auto&& format) {
        add(title, [&](const StoredResult& result) {
            const auto value = result.number(path);
            return value ? format(*value) : std::string{};
        });
    };
    const auto rate = [](double value) { return rate_text(value); };
    const auto time = [](double us) { return duration_text(from_seconds(us / 1e6)); };
    const auto percent = [](double part) { return fmt::format("{:.3f} %", 100 * part); };
    const auto share = [](double part) { return fmt::format("{:.1f} %", 100 * part); };
    add("test", test_of);
    add("server", [](const StoredResult& result) { return result.text("server"); });
    add("verdict", [](const StoredResult& result) { return result.text("verdict"); });
    number("capacity, packets/s", "capacity_packets_per_second", rate);
    number("per second", "packets_per_second", rate);
    number("loss", "loss", percent);
    number("latency p50", "p50_us", time);
    number("latency p99", "p99_us", time);
    number("latency p99.9", "latency.p99_9_us", time);
    number("worst", "max_us", time);
    number("jitter", "jitter_mean_us", time);
    number("per CPU-second of the server", "server_cpu.packets_per_cpu_second", rate);
    number("generator busy", "generator.load", share);
    number("sent over 1 ms late", "generator.late_share", share);
    add("machine", [](const StoredResult& result) {
        const auto found = result.json.find("environment");
        if (found == result.json.end() || !found->is_object()) return std::string{};
        const auto text = [&](const char* key) {
            return found->contains(key) && (*found)[key].is_string()
                       ? (*found)[key].get<std::string>()
                       : std::string{};
        };
        return fmt::format("{} × {}, Linux {}", text("processors"), text("processor"),
                           text("kernel"));
    });
    return rows;
}

// One line per result, a point per interval.
Plot over_time(const std::vector<StoredResult>& results, const std::string& title,
               const std::string& label, const char* key) {
    Plot plot{.title = title,
              .x_label = "seconds",
              .y_label = label,
              .y_scale = {},
              .y_unit = {},
              .x_ticks = {},
              .series = {}};
    for (std::size_t i = 0; i < results.size() && i < kSeriesMax; ++i) {
        Plot::Series series{.name = name_of(results, i), .points = {}};
        const auto found = results[i].json.find("intervals");
        if (found != results[i].json.end() && found->is_array()) {
            for (const auto& interval : *found) {
                const StoredResult at{results[i].file, interval};
                const auto time = at.number("to_s"), value = at.number(key);
                if (time && value) series.points.emplace_back(*time, *value);
            }
        }
        plot.series.push_back(std::move(series));
    }
    return plot;
}

Plot latency_over_time(const std::vector<StoredResult>& results, const std::string& title,
                       const char* key) {
    Plot plot = over_time(results, title, "latency", key);
    plot.y_scale = Plot::Scale::Logarithmic;
    plot.y_unit = Plot::Unit::Microseconds;
    return plot;
}

Plot percentiles(const std::vector<StoredResult>& results) {
    Plot plot{.title = "Latency by percentile",
              .x_label = "percent of the packets that were at most so late",
              .y_label = "latency",
              .y_scale = Plot::Scale::Logarithmic,
              .y_unit = Plot::Unit::Microseconds,
              .x_ticks = {{0, "0"},
                          {1, "90"},
                          {2, "99"},
                          {3, "99.9"},
                          {4, "99.99"},
                          {5, "99.999"},
                          {6, "99.9999"}},
              .series = {}};
    for (std::size_t i = 0; i < results.size() && i < kSeriesMax; ++i) {
        Plot::Series series{.name = name_of(results, i), .points = {}};
        const auto latency = results[i].json.find("latency");
        if (latency != results[i].json.end() && latency->is_object() &&
            latency->contains("spectrum_us")) {
            for (const auto& point : (*latency)["spectrum_us"]) {
                if (!point.is_array() || point.size() != 2 || !point[0].is_number() ||
                    !point[1].is_number())
                    continue;
                const double above = 1 - point[0].get<double>() / 100;
                if (above > 0)
                    series.points.emplace_back(-std::log10(above), point[1].get<double>());
            }
        }
        plot.series.push_back(std::move(series));
    }
    return plot;
}

// What a search tried: offered rate and loss.
Plot capacity(const std::vector<StoredResult>& results) {
    Plot plot{.title = "Loss by offered rate",
              .x_label = "packets per second",
              .y_label = "loss",
              .y_scale = {},
              .y_unit = Plot::Unit::Percent,
              .x_ticks = {},
              .series = {}};
    for (std::size_t i = 0; i < results.size() && i < kSeriesMax; ++i) {
        Plot::Series series{.name = name_of(results, i), .points = {}};
        const auto steps = results[i].json.find("steps");
        if (steps != results[i].json.end() && steps->is_array()) {
            for (const auto& step : *steps) {
                const StoredResult at{results[i].file, step};
                const auto rate = at.number("offered_packets_per_second"), loss = at.number("loss");
                if (rate && loss) series.points.emplace_back(*rate, 100 * *loss);
            }
            std::ranges::sort(series.points);
        }
        plot.series.push_back(std::move(series));
    }
    return plot;
}

}  // namespace

std::vector<Plot> plots_of(const std::vector<StoredResult>& results) {
    std::vector<Plot> plots{
        over_time(results, "Rate over time", "per second", "packets_per_second"),
        latency_over_time(results, "Median latency over time", "p50_us"),
        latency_over_time(results, "99th percentile over time", "p99_us"),
        percentiles(results),
        over_time(results, "Load of the generator over time", "processors", "generator_load"),
        over_time(results, "Load of the server over time", "processors", "server_load"),
        capacity(results)};
    std::erase_if(plots, [](const Plot& plot) { return plot.empty(); });
    return plots;
}

std::string as_svg(const std::vector<StoredResult>& results) {
    const auto plots = plots_of(results);
    const int height = kHeight * static_cast<int>(std::max<std::size_t>(plots.size(), 1));
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} "
        "{}\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        kWidth, height, kWidth, height);
    for (std::size_t i = 0; i < plots.size(); ++i)
        out += draw(plots[i], 0, kHeight * static_cast<int>(i), kWidth, kHeight);
    return out + "</svg>\n";
}

std::string as_markdown(const std::vector<StoredResult>& results) {
    std::string out = "|";
    for (std::size_t i = 0; i < results.size(); ++i)
        out += fmt::format(" | {}", name_of(results, i));
    out += " |\n|---";
    for (std::size_t i = 0; i < results.size(); ++i) out += "|---";
    out += "|\n";
    for (const auto& [title, cells] : rows_of(results)) {
        out += "| " + title;
        for (const std::string& cell : cells) out += " | " + cell;
        out += " |\n";
    }
    return out;
}

std::string as_html(const std::vector<StoredResult>& results) {
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width\">\n"
        "<title>turnpike-bench</title>\n<style>\n"
        ":root { --ink: #222; --grid: #ddd; --paper: #fff; --bad: #b00020; color-scheme: light "
        "dark }\n"
        "@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --grid: #444; --paper: "
        "#181818; --bad: #ff6b6b } }\n"
        "body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: "
        "var(--paper); max-width: 900px; margin: 2rem auto; padding: 0 1rem }\n"
        "table { border-collapse: collapse; display: block; overflow-x: auto }\n"
        "th, td { border-bottom: 1px solid var(--grid); padding: .3rem .8rem .3rem 0; text-align: "
        "left; vertical-align: top }\n"
        "td { font-variant-numeric: tabular-nums } .bad { color: var(--bad); font-weight: 600 }\n"
        "svg { max-width: 100%; height: auto; margin-top: 1.5rem "
        "}\n</style>\n<h1>turnpike-bench</h1>\n<table>\n<tr><th>";
    for (std::size_t i = 0; i < results.size(); ++i) {
        const std::string colour = results.size() > 1 && i < kSeriesMax
                                       ? fmt::format(" style=\"color:{}\"", series_colour(i))
                                       : std::string{};
        out += fmt::format("<th{}>{}", colour, escape(name_of(results, i)));
    }
    out += '\n';
    for (const auto& [title, cells] : rows_of(results)) {
        out += "<tr><th>" + escape(title);
        for (std::size_t i = 0; i < cells.size(); ++i)
            out += fmt::format("<td{}>{}",
                               title == "verdict" && results[i].invalid() ? " class=\"bad\"" : "",
                               escape(cells[i]));
        out += '\n';
    }
    out += "</table>\n";
    if (results.size() > kSeriesMax)
        out += fmt::format("<p>The charts show the first {} results.\n", kSeriesMax);
    for (const Plot& plot : plots_of(results)) out += draw(plot, 0, 0, kWidth, kHeight);
    return out + "</html>\n";
}

}  // namespace turnpike::bench
