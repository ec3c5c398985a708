#include "common/ops/router.hpp"

#include <exception>
#include <nlohmann/json.hpp>

namespace turnpike::ops {
namespace {

constexpr std::size_t kSegmentsMax = 16;

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty() && segments.size() <= kSegmentsMax) {
        if (path.front() == '/') path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return segments;
}

int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decoded(std::string_view segment) {
    std::string out;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        if (segment[i] == '%' && i + 2 < segment.size() && digit(segment[i + 1]) >= 0 &&
            digit(segment[i + 2]) >= 0) {
            out += static_cast<char>(digit(segment[i + 1]) * 16 + digit(segment[i + 2]));
            i += 2;
        } else {
            out += segment[i];
        }
    }
    return out;
}

bool match(const std::vector<std::string>& pattern, const std::vector<std::string>& segments,
           std::vector<std::string>& parameters) {
    if (pattern.size() != segments.size()) return false;
    parameters.clear();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == "{}" && !segments[i].empty()) {
            parameters.push_back(decoded(segments[i]));
        } else if (pattern[i] != segments[i]) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::string_view to_string(Verb verb) noexcept {
    switch (verb) {
        case Verb::Get:
            return "GET";
        case Verb::Post:
            return "POST";
        case Verb::Put:
            return "PUT";
        case Verb::Delete:
            return "DELETE";
    }
    return "?";
}

Response Response::error(int status, std::string_view code, std::string_view message) {
    const nlohmann::json body{{"error", {{"code", code}, {"message", message}}}};
    return {status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
            "application/json"};
}

void Router::add(Verb verb, std::string path, Handler handler) {
    routes_.push_back({verb, split(path), std::move(handler)});
}

Response Router::dispatch(Request request) const {
    const std::vector<std::string> segments = split(request.path);
    for (const Route& route : routes_) {
        if (route.verb != request.verb || !match(route.segments, segments, request.parameters))
            continue;
        try {
            return route.handler(request);
        } catch (const std::exception& failure) {
            if (log_)
                log_->error("admin.failed", {{"path", request.path}, {"reason", failure.what()}});
            return Response::error(500, "internal", "the request could not be carried out");
        }
    }
    const std::string others = allowed(request.path);
    if (others.empty()) return Response::error(404, "not_found", "no such path: " + request.path);
    return Response::error(405, "method_not_allowed",
                           request.path + " answers " + others + " only");
}

std::string Router::allowed(std::string_view path) const {
    const std::vector<std::string> segments = split(path);
    std::vector<std::string> ignored;
    std::string verbs;
    for (const Route& route : routes_) {
        if (match(route.segments, segments, ignored))
            verbs += (verbs.empty() ? "" : ", ") + std::string{to_string(route.verb)};
    }
    return verbs;
}

}  // namespace turnpike::ops
