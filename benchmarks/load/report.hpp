#pragma once

#include <string>
#include <vector>

#include "benchmarks/load/plot.hpp"
#include "benchmarks/load/result_file.hpp"

namespace turnpike::bench {

/// Results as a page that needs nothing else, as one picture, or as Markdown.
std::string as_html(const std::vector<StoredResult>& results);
std::string as_svg(const std::vector<StoredResult>& results);
std::string as_markdown(const std::vector<StoredResult>& results);

/// The charts that the results have data for: rate, latency and load over time, the percentiles,
/// and what a search for capacity tried.
std::vector<Plot> plots_of(const std::vector<StoredResult>& results);

}  // namespace turnpike::bench
