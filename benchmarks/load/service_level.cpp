#include "benchmarks/load/service_level.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
namespace {

std::optional<double> number(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0)) return {};
    return value;
}

}  // namespace

std::expected<ServiceLevel, std::string> ServiceLevel::parse(const std::string& text) {
    const auto wrong = [&] {
        return std::unexpected(
            fmt::format("--slo: '{}' is none, as in loss<0.1% or p99<5ms", text));
    };
    const std::size_t sign = text.find('<');
    if (sign == std::string::npos) return wrong();
    const std::string_view name = std::string_view{text}.substr(0, sign),
                           bound = std::string_view{text}.substr(sign + 1);
    ServiceLevel level;
    level.text_ = text;
    if (name == "loss") {
        const auto percent =
            bound.ends_with('%') ? number(bound.substr(0, bound.size() - 1)) : std::nullopt;
        if (!percent || *percent > 100) return wrong();
        level.loss_max_ = *percent / 100;
        return level;
    }
    if (name == "max")
        level.percentile_ = 100;
    else if (name.starts_with('p'))
        level.percentile_ = number(name.substr(1)).value_or(-1);
    if (level.percentile_ < 0 || level.percentile_ > 100) return wrong();
    for (const auto& [unit, seconds] : {std::pair{"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}}) {
        if (!bound.ends_with(unit)) continue;
        const auto value = number(bound.substr(0, bound.size() - std::string_view{unit}.size()));
        if (!value) return wrong();
        level.latency_max_ = from_seconds(*value * seconds);
        return level;
    }
    return wrong();
}

bool ServiceLevel::holds(const Measurement& measurement) const {
    if (percentile_ < 0)
        return measurement.delivery.loss() < loss_max_ ||
               (loss_max_ <= 0 && measurement.delivery.lost() == 0);
    return measurement.delivery.received > 0 &&
           measurement.delivery.latency.percentile(percentile_) < latency_max_;
}

std::string first_broken(const std::vector<ServiceLevel>& levels, const Measurement& measurement) {
    for (const ServiceLevel& level : levels) {
        if (!level.holds(measurement)) return level.text();
    }
    return {};
}

}  // namespace turnpike::bench
