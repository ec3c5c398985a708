#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <set>

#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/result_file.hpp"
#include "benchmarks/load/statistics.hpp"

namespace turnpike::bench {
namespace {

// What two results may be compared by, where both have it.
constexpr const char* kMetrics[] = {
    "packets_per_second",
    "server_cpu.packets_per_cpu_second",
    "capacity_packets_per_second",
    "packets_per_cpu_second",
    "loss",
    "p50_us",
    "p99_us",
    "latency.p99_9_us",
    "jitter_mean_us",
    "memory.resident_bytes_per_allocation",
    "memory.kernel_slab_bytes_per_allocation",
};
// What makes them the same test.
constexpr const char* kConditions[] = {"mode",        "transport", "framing",
                                       "allocations", "direction", "peer",
                                       "size_bytes",  "burst",     "offered_packets_per_second"};

struct CompareFlags {
    std::string a, b;
    bool with_invalid = false;
    Output output;
};

std::vector<double> values(const std::vector<StoredResult>& results, const char* metric) {
    std::vector<double> out;
    for (const StoredResult& result : results) {
        if (const auto value = result.number(metric)) out.push_back(*value);
    }
    return out;
}

// What differs between the tests, for people.
std::string differences(const std::vector<StoredResult>& a, const std::vector<StoredResult>& b) {
    std::string out;
    for (const char* condition : kConditions) {
        std::set<std::string> seen;
        for (const auto* side : {&a, &b}) {
            for (const StoredResult& result : *side) seen.insert(result.text(condition));
        }
        if (seen.size() > 1)
            out += fmt::format("note: not the same test: {} is {}\n", condition,
                               fmt::join(seen, " and "));
    }
    return out;
}

std::size_t drop_invalid(std::vector<StoredResult>& results) {
    return std::erase_if(results, [](const StoredResult& result) { return result.invalid(); });
}

Json as_json(const Summary& summary) {
    Json json;
    json["count"] = summary.count;
    json["median"] = summary.median;
    json["low"] = summary.low;
    json["high"] = summary.high;
    return json;
}

int run(const CompareFlags& flags) {
    auto a = read_results(flags.a), b = read_results(flags.b);
    if (!a) return complain(a.error(), kUsage);
    if (!b) return complain(b.error(), kUsage);
    std::string text;
    if (!flags.with_invalid) {
        const std::size_t dropped = drop_invalid(*a) + drop_invalid(*b);
        if (dropped > 0)
            text += fmt::format(
                "note: {} results left out: generator saturated (--with-invalid takes them)\n",
                dropped);
        if (a->empty() || b->empty())
            return complain(
                "nothing to compare: all results of a side are invalid, generator saturated",
                kSaturated);
    }
    text += differences(*a, *b);
    text += fmt::format(
        "A  {} ({} results)\nB  {} ({} results)\n\n{:<40} {:>12} {:>25} {:>12} {:>25} {:>8} "
        "{:>7}\n",
        flags.a, a->size(), flags.b, b->size(), "", "A median", "quartiles", "B median",
        "quartiles", "B / A", "p");
    Json metrics;
    for (const char* metric : kMetrics) {
        const auto left = values(*a, metric), right = values(*b, metric);
        if (left.empty() || right.empty()) continue;
        const Summary x = Summary::of(left), y = Summary::of(right);
        const double p = mann_whitney(left, right);
        const auto quartiles = [](const Summary& s) {
            return fmt::format("{:.6g} … {:.6g}", s.low, s.high);
        };
        text += fmt::format("{:<40} {:>12.6g} {:>25} {:>12.6g} {:>25} {:>8} {:>7.3f}{}\n", metric,
                            x.median, quartiles(x), y.median, quartiles(y),
                            x.median > 0 ? fmt::format("{:.3f}", y.median / x.median) : "-", p,
                            p < 0.05 ? " *" : "");
        Json one;
        one["a"] = as_json(x);
        one["b"] = as_json(y);
        if (x.median > 0) one["ratio"] = y.median / x.median;
        one["p"] = p;
        metrics[metric] = std::move(one);
    }
    text +=
        "\np: how likely such a difference is by chance (Mann-Whitney, both directions); * below "
        "0.05.\n"
        "Five results on each side are the least that can be told apart.\n";
    Json result;
    result["mode"] = "compare";
    result["a"] = flags.a;
    result["b"] = flags.b;
    result["metrics"] = std::move(metrics);
    flags.output.result(text, std::move(result));
    return kOk;
}

}  // namespace

void add_compare_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<CompareFlags>();
    CLI::App* compare = app.add_subcommand(
        "compare", "two files of results: medians, spread, and whether the difference is chance");
    compare
        ->add_option("A", flags->a,
                     "JSON results, one or many (--json appended, an array, or --json-stream)")
        ->required()
        ->type_name("FILE");
    compare->add_option("B", flags->b, "the same of the other side")->required()->type_name("FILE");
    compare->add_flag("--with-invalid", flags->with_invalid,
                      "also results that say: generator saturated");
    flags->output.add_to(*compare);
    compare->footer(
        "Example: five runs of each, taking turns, so that what the machine does meets both alike\n"
        "  for i in 1 2 3 4 5; do\n"
        "    turnpike-bench relay --server 127.0.0.1:3478 … --json >>a.json\n"
        "    turnpike-bench relay --server 127.0.0.1:3479 … --json >>b.json\n"
        "  done\n"
        "  turnpike-bench compare a.json b.json\n\n"
        "Exit codes: 0 compared · 2 usage · 9 only invalid results on a side.");
    compare->callback([flags, &bench] { bench.exit_code = run(*flags); });
}

}  // namespace turnpike::bench
