#include "benchmarks/load/output.hpp"

#include <CLI/CLI.hpp>

namespace turnpike::bench {
namespace {

void print_line(const Json& json) {
    fmt::print("{}\n", json.dump());
    std::fflush(stdout);
}

}  // namespace

void Output::add_to(CLI::App& app) {
    app.add_flag("--json", json, "the result as one JSON object");
    app.add_flag("--json-stream", stream,
                 "a JSON object a line: intervals while it runs, then the result");
}

void Output::interval(const Interval& interval, const LineWording& wording, bool lines) const {
    if (stream) {
        Json line = to_json(interval);
        line["type"] = "interval";
        print_line(line);
    } else if (lines && !json) {
        fmt::print(stderr, "{}\n", to_text(interval, wording));
        std::fflush(stderr);
    }
}

void Output::result(const std::string& text, Json result) const {
    if (stream) {
        result["type"] = "result";
        print_line(result);
    } else if (json) {
        fmt::print("{}\n", result.dump(2));
    } else {
        fmt::print("{}", text);
    }
}

}  // namespace turnpike::bench
