#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "signaling/core/hub.hpp"
#include "signaling/net/io_loop.hpp"

namespace turnpike::signaling {

struct WebLimits {
    std::size_t head_bytes = 8 * 1024;
    std::size_t body_bytes = 16 * 1024;
    std::size_t message_bytes = 64 * 1024;
    std::size_t queue_messages = 512;       // towards one WebSocket; beyond, it is closed 4008
    std::size_t queue_bytes = 256 * 1024;
    std::size_t connections = 12'000;
    Milliseconds head{5000};                // from accept (or the first byte) to the end of the head
    Milliseconds keep_alive{15'000};        // between two requests
    Milliseconds answer{10'000};            // for the body to come, and for the answer to be taken
    Milliseconds ping{15'000};
    Milliseconds silence{40'000};           // after that a WebSocket is taken for dead
    Milliseconds closing{5000};             // for a closing handshake
};

struct WebConfig {
    Endpoint address;
    std::filesystem::path certificate, key;  // both or neither; PEM
    std::filesystem::path root;              // of the built page
    std::vector<std::string> origins;        // empty: the page's own host
    std::vector<Cidr> trusted_proxies;       // whose X-Forwarded-For is believed
    WebLimits limits;
};

struct HttpRequest {
    std::string method, path;
    std::map<std::string, std::string> query;
    std::string authorization;
    std::string body;
    IpAddress client;
};
struct HttpAnswer {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
};

/// What the program adds to the web server.
class WebApplication {
public:
    /// Called once, on the loop's thread, at the latest after WebLimits::answer.
    using Reply = std::function<void(HttpAnswer)>;

    /// False: not a path of the API, so it is one of the page's.
    virtual bool on_http(const HttpRequest& request, Reply reply) = 0;
    /// The hub's actions that are not about WebSockets.
    virtual void on_action(const Action& action) = 0;

protected:
    ~WebApplication() = default;
};

struct WebCounters {
    std::uint64_t connections_accepted = 0, connections_refused = 0;
    std::uint64_t http_2xx = 0, http_3xx = 0, http_4xx = 0, http_5xx = 0;
    std::uint64_t upgrades = 0, upgrades_refused = 0;
    std::uint64_t messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0;
    std::uint64_t slow_consumers = 0, silent = 0;
    std::size_t connections = 0, websockets = 0;
};

class Front;

/// HTTP/1.1 and WebSocket on one port: /ws is the hub, the API is the application's, the rest is the
/// page. It drives the hub: feeds it messages and time, and does what its outbox says.
///
/// Errors     open(): one sentence that names the address or file and what to change
/// Lifetime   borrows loop, hub, clock and application; connections end with the loop
/// Threading  the loop's thread, except where said
class WebServer {
public:
    static std::expected<std::unique_ptr<WebServer>, std::string> open(IoLoop& loop, WebConfig config, Hub& hub,
                                                                       const Clock& clock, WebApplication& application);
    ~WebServer();
    WebServer(const WebServer&) = delete;
    WebServer& operator=(const WebServer&) = delete;

    /// Where it really listens. Any thread.
    const Endpoint& address() const noexcept;
    bool has_page() const;

    /// One turn with the hub: whatever it puts into the outbox is done afterwards, in order.
    void with_hub(const std::function<void(Hub&, Moment, Outbox&)>& turn);

    /// Reads certificate and key again; the old ones stay on an error. New connections use them.
    std::expected<void, std::string> reload_certificate();

    /// Stops listening, says goodbye to everybody (1001), and calls `done` when all have gone or
    /// WebLimits::closing has passed.
    void shut_down(std::function<void()> done);

    const WebCounters& counters() const noexcept;

private:
    explicit WebServer(std::shared_ptr<Front> front);
    std::shared_ptr<Front> front_;  // shared with connections, which may outlive this object inside the loop
};

}  // namespace turnpike::signaling
