#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "benchmarks/load/measurement_json.hpp"
#include "benchmarks/load/measurement_text.hpp"

namespace CLI {
class App;
}

namespace turnpike::bench {

/// Where a mode's results go: text, one JSON object, or a JSON object a line while it runs.
struct Output {
    bool json = false, stream = false;

    void add_to(CLI::App& app);

    /// A line of progress, for people on stderr, for programs on stdout with --json-stream.
    void interval(const Interval& interval, const LineWording& wording, bool lines) const;
    /// The end: `text` for people, `result` for programs.
    void result(const std::string& text, Json result) const;
};

}  // namespace turnpike::bench
