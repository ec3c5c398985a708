#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace turnpike::bench {

/// One JSON result of a mode, as a file has it.
struct StoredResult {
    std::string file;
    nlohmann::ordered_json json;

    /// A number inside, by a path as "server_cpu.packets_per_cpu_second"; nothing when there is
    /// none.
    std::optional<double> number(const std::string& path) const;
    std::string text(const std::string& key) const;
    /// The generator explains its figures: they say nothing of the server.
    bool invalid() const { return text("verdict") == "generator saturated"; }
};

/// The results in a file, in order: JSON objects one behind the other (--json, appended, or
/// --json-stream, of which only results count), or an array of them.
///
/// Errors  a sentence: no such file, no JSON, no result in it
std::expected<std::vector<StoredResult>, std::string> read_results(const std::string& file);

}  // namespace turnpike::bench
