#include "benchmarks/load/result_file.hpp"

#include <fmt/format.h>

#include <fstream>

namespace turnpike::bench {
namespace {

using Json = nlohmann::ordered_json;

void take(std::vector<StoredResult>& results, const std::string& file, Json json) {
    if (json.is_array()) {
        for (Json& one : json) take(results, file, std::move(one));
        return;
    }
    const bool result = json.is_object() && json.contains("mode") && json.contains("verdict");
    if (result) results.push_back({file, std::move(json)});
}

}  // namespace

std::optional<double> StoredResult::number(const std::string& path) const {
    const Json* at = &json;
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('.', begin), path.size());
        const auto found = at->is_object() ? at->find(path.substr(begin, end - begin)) : at->end();
        if (!at->is_object() || found == at->end()) return {};
        at = &*found;
        begin = end + 1;
    }
    if (!at->is_number()) return {};
    return at->get<double>();
}

std::string StoredResult::text(const std::string& key) const {
    const auto found = json.find(key);
    if (found == json.end()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::expected<std::vector<StoredResult>, std::string> read_results(const std::string& file) {
    std::ifstream in{file};
    if (!in) return std::unexpected(fmt::format("cannot read '{}'", file));
    std::vector<StoredResult> results;
    while ((in >> std::ws).good() && in.peek() != std::ifstream::traits_type::eof()) {
        Json json;
        try {
            in >> json;  // one value; the next one follows
        } catch (const Json::exception& error) {
            return std::unexpected(fmt::format("'{}' is no JSON: {}", file, error.what()));
        }
        take(results, file, std::move(json));
    }
    if (results.empty())
        return std::unexpected(fmt::format("there is no result of turnpike-bench in '{}'", file));
    return results;
}

}  // namespace turnpike::bench
