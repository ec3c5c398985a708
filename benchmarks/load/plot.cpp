#include "benchmarks/load/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

// Told apart by colour-blind people too (Okabe and Ito, 2008), and readable on white and on black.
constexpr std::array<std::string_view, 7> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                   "#e69f00", "#56b4e9", "#7f7f7f"};
constexpr int kLeft = 78, kRight = 16, kTop = 36, kBottom = 46;
constexpr int kTicks = 5;

struct Range {
    double low = 0, high = 1;
};

Range range_of(const Plot& plot, bool vertical) {
    Range range{.low = HUGE_VAL, .high = -HUGE_VAL};
    for (const auto& series : plot.series) {
        for (const auto& [x, y] : series.points) {
            const double value = vertical ? y : x;
            range.low = std::min(range.low, value);
            range.high = std::max(range.high, value);
        }
    }
    return range;
}

// 1, 2 or 5 times a power of ten.
double round_step(double rough) {
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (rough <= factor * power) return factor * power;
    }
    return 10 * power;
}

std::vector<double> linear_ticks(Range& range) {
    if (range.high <= range.low) range.high = range.low + 1;
    const double step = round_step((range.high - range.low) / kTicks);
    range.low = std::floor(range.low / step) * step;
    range.high = std::ceil(range.high / step) * step;
    std::vector<double> ticks;
    for (int i = 0; range.low + i * step <= range.high + step / 2; ++i)
        ticks.push_back(range.low + i * step);
    return ticks;
}

std::vector<double> decade_ticks(Range& range) {
    range.low = std::pow(10, std::floor(std::log10(std::max(range.low, 0.1))));
    range.high =
        std::max(std::pow(10, std::ceil(std::log10(std::max(range.high, 0.1)))), range.low * 10);
    std::vector<double> ticks;
    for (double at = range.low; at <= range.high * 1.01; at *= 10) ticks.push_back(at);
    return ticks;
}

std::string label_of(double value, Plot::Unit unit) {
    switch (unit) {
        case Plot::Unit::Microseconds:
            return duration_text(from_seconds(value / 1e6));
        case Plot::Unit::Percent:
            return fmt::format("{:.3g} %", value);
        case Plot::Unit::Plain:
            break;
    }
    if (std::abs(value) >= 1e6) return fmt::format("{:.3g} M", value / 1e6);
    if (std::abs(value) >= 1e3) return fmt::format("{:.3g} k", value / 1e3);
    return fmt::format("{:.3g}", value);
}

}  // namespace

bool Plot::empty() const noexcept {
    return std::ranges::all_of(series, [](const Series& one) { return one.points.empty(); });
}

std::string_view series_colour(std::size_t number) noexcept {
    return kColours[number % kColours.size()];
}

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string draw(const Plot& plot, int left, int top, int width, int height) {
    std::string out = fmt::format(
        "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" "
        "font-family=\"system-ui, sans-serif\" font-size=\"12\" "
        "fill=\"var(--ink, #222)\">\n<text x=\"{}\" y=\"20\" font-size=\"15\" "
        "font-weight=\"600\">{}</text>\n",
        left, top, width, height, width, height, kLeft, escape(plot.title));
    if (plot.empty())
        return out + fmt::format("<text x=\"{}\" y=\"60\">no data</text>\n</svg>\n", kLeft);

    Range xs = range_of(plot, false), ys = range_of(plot, true);
    const bool logarithmic = plot.y_scale == Plot::Scale::Logarithmic;
    if (!logarithmic) ys.low = std::min(ys.low, 0.0);
    const std::vector<double> y_ticks = logarithmic ? decade_ticks(ys) : linear_ticks(ys);
    std::vector<std::pair<double, std::string>> x_ticks;
    if (plot.x_ticks.empty()) {
        for (const double at : linear_ticks(xs))
            x_ticks.emplace_back(at, label_of(at, Plot::Unit::Plain));
    } else {
        // Ticks of their own span no more than what is there.
        for (const auto& tick : plot.x_ticks) {
            if (x_ticks.empty() || x_ticks.back().first < xs.high) x_ticks.push_back(tick);
        }
        xs = {.low = x_ticks.front().first, .high = std::max(x_ticks.back().first, xs.high)};
    }
    const double inner_width = width - kLeft - kRight, inner_height = height - kTop - kBottom;
    const auto place_x = [&](double value) {
        return kLeft + (value - xs.low) / (xs.high - xs.low) * inner_width;
    };
    const auto place_y = [&](double value) {
        const double part =
            logarithmic ? std::log(std::max(value, ys.low) / ys.low) / std::log(ys.high / ys.low)
                        : (value - ys.low) / (ys.high - ys.low);
        return kTop + (1 - part) * inner_height;
    };

    for (const double tick : y_ticks) {
        const double y = place_y(tick);
        out += fmt::format(
            "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--grid, #ddd)\"/>\n"
            "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
            kLeft, width - kRight, y, y, kLeft - 6, y + 4, escape(label_of(tick, plot.y_unit)));
    }
    for (const auto& [at, label] : x_ticks) {
        const double x = place_x(at);
        out += fmt::format(
            "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"var(--grid, "
            "#ddd)\"/>\n"
            "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            x, x, kTop + inner_height, kTop + inner_height + 5, x, height - kBottom + 18,
            escape(label));
    }
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       kLeft + inner_width / 2, height - 8, escape(plot.x_label));
    out += fmt::format(
        "<text x=\"14\" y=\"{:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 14 "
        "{:.1f})\">{}</text>\n",
        kTop + inner_height / 2, kTop + inner_height / 2, escape(plot.y_label));

    double legend = width - kRight;
    for (std::size_t i = plot.series.size(); i-- > 0;) {
        const auto& [name, points] = plot.series[i];
        if (points.empty()) continue;
        std::string path;
        for (const auto& [x, y] : points)
            path +=
                fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", place_x(x), place_y(y));
        out += fmt::format(
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" "
            "stroke-linejoin=\"round\"/>\n",
            path, series_colour(i));
        if (points.size() <= 40) {
            for (const auto& [x, y] : points)
                out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" fill=\"{}\"/>\n",
                                   place_x(x), place_y(y), series_colour(i));
        }
        if (plot.series.size() > 1) {
            out += fmt::format(
                "<text x=\"{:.1f}\" y=\"20\" text-anchor=\"end\" fill=\"{}\">{}</text>\n", legend,
                series_colour(i), escape(name));
            legend -= 7.0 * static_cast<double>(name.size()) + 16;
        }
    }
    return out + "</svg>\n";
}

}  // namespace turnpike::bench
