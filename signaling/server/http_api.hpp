#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.hpp"
#include "signaling/core/hub.hpp"
#include "signaling/net/web_server.hpp"

namespace turnpike::signaling {

/// The HTTP API beside the socket, but /metrics: credentials for holders of an API key, the public
/// rooms, health.
///
/// Threading  the web loop's thread
class HttpApi {
public:
    explicit HttpApi(std::vector<Secret> keys) : keys_(std::move(keys)) {}

    void set_keys(std::vector<Secret> keys) { keys_ = std::move(keys); }

    struct Health {
        std::size_t relays = 0, relays_active = 0;
        bool stopping = false;
    };
    /// Nothing: not a path of the API.
    std::optional<HttpAnswer> answer(const HttpRequest& request, Hub& hub, Random& random, WallTime wall, const Health& health) const;

private:
    HttpAnswer ice_servers(const HttpRequest& request, Hub& hub, Random& random, WallTime wall) const;
    HttpAnswer turn_rest(const HttpRequest& request, Hub& hub, Random& random, WallTime wall) const;
    std::optional<HttpAnswer> refusal(const HttpRequest& request) const;

    std::vector<Secret> keys_;
};

/// {"error":{"code":"...","message":"..."}}
HttpAnswer error_answer(int status, std::string_view code, std::string_view message);
/// {"status":"ready","degraded":[...],...}; 503 while stopping.
HttpAnswer ready_answer(const HttpApi::Health& health);

/// What is wrong with a subject for a credential; empty: nothing.
std::string_view subject_fault(std::string_view subject);

inline constexpr Seconds kTtlLeast{10}, kTtlMost{24 * 3600};

}  // namespace turnpike::signaling
