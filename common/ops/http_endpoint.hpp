#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/endpoint.hpp"
#include "common/ops/control_loop.hpp"
#include "common/ops/router.hpp"

namespace turnpike::ops {

/// A small HTTP/1.1 server on the control loop: the admin socket, or the metrics port. Bodies up to
/// 64 KiB, heads up to 8 KiB; a request that is no HTTP is refused and its connection closed.
///
/// Lifetime   borrows the loop and the router
/// Threading  the control loop
class HttpEndpoint {
public:
    static constexpr std::size_t kBodyBytesMax = 64 * 1024;
    static constexpr std::size_t kHeadBytesMax = 8 * 1024;
    static constexpr Seconds kIdle = 10s;

    HttpEndpoint(ControlLoop& loop, const Router& router);
    ~HttpEndpoint();
    HttpEndpoint(const HttpEndpoint&) = delete;
    HttpEndpoint& operator=(const HttpEndpoint&) = delete;

    /// The socket file is made with `mode`, and replaces one that is there: whoever calls holds the
    /// directory's lock. Removed at the end.
    std::expected<void, std::string> listen_unix(const std::filesystem::path& path,
                                                 unsigned mode = 0600);
    /// For the owner, and for the members of `group` if there is one.
    std::expected<void, std::string> listen_admin(const std::filesystem::path& path,
                                                  std::optional<unsigned> group);
    /// The address really bound.
    std::expected<Endpoint, std::string> listen_tcp(const Endpoint& address);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::ops
