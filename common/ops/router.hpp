#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ops/log.hpp"

namespace turnpike::ops {

enum class Verb : std::uint8_t { Get, Post, Put, Delete };
std::string_view to_string(Verb verb) noexcept;

/// One HTTP request of an administrator.
struct Request {
    /// Who asks, over a unix socket (SO_PEERCRED).
    struct Peer {
        pid_t pid = 0;
        uid_t uid = 0;
    };
    Verb verb = Verb::Get;
    std::string path;                          // decoded, without the query
    std::map<std::string, std::string> query;  // decoded; the first of equal names
    std::string body;
    std::vector<std::string> parameters;  // what the route's {} matched, in order
    std::optional<Peer> peer;
};

struct Response {
    int status = 200;
    std::string body = "{}";
    std::string content_type = "application/json";

    static Response json(std::string text) { return {200, std::move(text), "application/json"}; }
    static Response text(std::string text) {
        return {200, std::move(text), "text/plain; charset=utf-8"};
    }
    /// {"error":{"code":"not_found","message":"..."}}
    static Response error(int status, std::string_view code, std::string_view message);
};

using Handler = std::function<Response(const Request&)>;

/// Method and path → handler. A path is literal segments and {} for one segment each:
/// "/v1/allocations/{}". Unknown paths answer 404, known ones with another method 405.
///
/// Errors     an exception of a handler becomes 500, and its text goes to the log only
/// Lifetime   borrows the log
/// Threading  the control loop
class Router {
public:
    Router() = default;
    explicit Router(Log& log) : log_(&log) {}

    void add(Verb verb, std::string path, Handler handler);
    Response dispatch(Request request) const;
    /// "GET, DELETE": what `path` answers to; empty when it is unknown.
    std::string allowed(std::string_view path) const;

private:
    struct Route {
        Verb verb;
        std::vector<std::string> segments;
        Handler handler;
    };
    std::vector<Route> routes_;
    Log* log_ = nullptr;
};

}  // namespace turnpike::ops
