#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <memory>

#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/report.hpp"

namespace turnpike::bench {
namespace {

struct ReportFlags {
    std::vector<std::string> files;
    bool html = false, svg = false, markdown = false;
    std::string output;
};

int run(const ReportFlags& flags) {
    std::vector<StoredResult> results;
    for (const std::string& file : flags.files) {
        auto some = read_results(file);
        if (!some) return complain(some.error(), kUsage);
        results.insert(results.end(), std::make_move_iterator(some->begin()),
                       std::make_move_iterator(some->end()));
    }
    const std::string text =
        flags.svg ? as_svg(results) : (flags.markdown ? as_markdown(results) : as_html(results));
    if (flags.output.empty()) {
        fmt::print("{}", text);
        return kOk;
    }
    std::ofstream out{flags.output, std::ios::trunc};
    out << text;
    out.close();
    if (!out) return complain(fmt::format("cannot write '{}'", flags.output), kNotClean);
    return kOk;
}

}  // namespace

void add_report_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<ReportFlags>();
    CLI::App* report = app.add_subcommand("report", "results as a page, a picture or a table");
    report->add_option("RESULT", flags->files, "JSON results of any mode")
        ->required()
        ->type_name("FILE...");
    auto* html =
        report->add_flag("--html", flags->html, "a page that needs nothing else (default)");
    auto* svg = report->add_flag("--svg", flags->svg, "the charts alone")->excludes(html);
    report->add_flag("--md", flags->markdown, "the table alone, as Markdown")
        ->excludes(html)
        ->excludes(svg);
    report->add_option("-o,--output", flags->output, "where to; default standard output")
        ->type_name("FILE");
    report->footer(
        "Example:\n  turnpike-bench relay … --json >a.json; turnpike-bench report a.json -o "
        "a.html\n\nExit codes: 0 written · 1 not so · 2 usage.");
    report->callback([flags, &bench] { bench.exit_code = run(*flags); });
}

}  // namespace turnpike::bench
