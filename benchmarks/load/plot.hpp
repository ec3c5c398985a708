#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnpike::bench {

/// A line chart.
struct Plot {
    struct Series {
        std::string name;
        std::vector<std::pair<double, double>> points;
    };
    enum class Scale : std::uint8_t { Linear, Logarithmic };
    enum class Unit : std::uint8_t { Plain, Microseconds, Percent };

    std::string title, x_label, y_label;
    Scale y_scale = Scale::Linear;
    Unit y_unit = Unit::Plain;
    /// Places on the x axis with a text of their own; else round numbers.
    std::vector<std::pair<double, std::string>> x_ticks;
    std::vector<Series> series;

    bool empty() const noexcept;
};

/// The chart as an SVG element of its own, `width` by `height`, placed at `x`, `y` of its parent.
/// Its colours come from CSS variables of the parent, with defaults, so that a dark page stays
/// readable.
std::string draw(const Plot& plot, int x, int y, int width, int height);

/// Text as it stands in HTML and SVG.
std::string escape(std::string_view text);
/// The colour of the series with this number.
std::string_view series_colour(std::size_t number) noexcept;

}  // namespace turnpike::bench
