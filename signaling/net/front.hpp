#pragma once

// Inside of the room: what the web server's connections have in common.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <unordered_map>

#include "signaling/net/asio.hpp"
#include "signaling/net/static_files.hpp"
#include "signaling/net/web_server.hpp"

namespace turnpike::signaling {

using Tcp = asio::ip::tcp;

/// A WebSocket as the hub's outbox sees it. Both return at once.
class SocketPort {
public:
    virtual void send(std::string text) = 0;
    virtual void close(CloseCode code) = 0;

protected:
    ~SocketPort() = default;
};

/// The one place where connections meet the hub.
///
/// Threading  the loop's; with several threads one day, its methods are what gets posted to one strand
class Front : public std::enable_shared_from_this<Front> {
public:
    Front(IoLoop& loop, WebConfig settings, Hub& the_hub, const Clock& the_clock, WebApplication& the_application);

    std::expected<void, std::string> listen();
    std::expected<std::shared_ptr<asio::ssl::context>, std::string> load_certificate() const;
    /// Endless: accepts, and turns the hub's wheel.
    void start();
    void shut_down(std::function<void()> done);
    void abandon() noexcept { alive_ = false; }

    Moment moment() const noexcept { return {clock.now(), clock.wall()}; }
    void turn(const std::function<void(Hub&, Moment, Outbox&)>& what);

    SessionId socket_opened(SocketPort& port, const IpAddress& source);
    void socket_message(SessionId id, std::string_view text);
    void socket_closed(SessionId id);
    void socket_ended();

    bool shutting_down() const noexcept { return shutting_down_; }
    const Endpoint& local() const noexcept { return local_; }

    WebConfig config;
    Hub& hub;
    const Clock& clock;
    WebApplication& application;
    StaticFiles files;
    WebCounters counters;
    std::shared_ptr<asio::ssl::context> tls;  // replaced on reload; a connection keeps the one it began with

private:
    static asio::awaitable<void> accept_loop(std::shared_ptr<Front> self);
    static asio::awaitable<void> tick_loop(std::shared_ptr<Front> self);
    void deliver(Outbox& out);

    asio::io_context& context_;
    Tcp::acceptor acceptor_;
    asio::steady_timer ticker_;
    asio::steady_timer accept_pause_;
    Endpoint local_;
    std::unordered_map<SessionId, SocketPort*> ports_;
    std::uint64_t last_session_ = 0;
    std::size_t sockets_ = 0;  // connections, also those that are saying goodbye and are no port any more
    bool alive_ = true;  // hub, clock and application are still there
    bool shutting_down_ = false;
    std::function<void()> done_;
};

/// Each in a file of its own, since each compiles all of Beast for its kind of stream.
void serve_plain(std::shared_ptr<Front> front, Tcp::socket socket, const Endpoint& peer);
void serve_tls(std::shared_ptr<Front> front, Tcp::socket socket, const Endpoint& peer);

}  // namespace turnpike::signaling
