#include "signaling/net/web_server.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <utility>

#include "signaling/net/front.hpp"

namespace turnpike::signaling {
namespace {

using boost::system::error_code;

// How often lifetimes are looked at: one tick of the hub's wheel.
constexpr Milliseconds kTick{100};

Tcp::endpoint to_asio(const Endpoint& address) {
    sockaddr_storage storage{};
    const unsigned size = address.to(storage);
    Tcp::endpoint endpoint;
    endpoint.resize(size);
    std::memcpy(endpoint.data(), &storage, size);
    return endpoint;
}

}  // namespace

Front::Front(IoLoop& loop, WebConfig settings, Hub& the_hub, const Clock& the_clock, WebApplication& the_application)
    : config(std::move(settings)),
      hub(the_hub),
      clock(the_clock),
      application(the_application),
      files(config.root),
      context_(loop.state().context),
      acceptor_(context_),
      ticker_(context_),
      accept_pause_(context_) {}

std::expected<std::shared_ptr<asio::ssl::context>, std::string> Front::load_certificate() const {
    if (config.certificate.empty()) return nullptr;
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    error_code error;
    context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                             asio::ssl::context::no_tlsv1_1 | asio::ssl::context::no_compression,
                         error);
    context->use_certificate_chain_file(config.certificate.string(), error);
    if (error) {
        return std::unexpected("listen.certificate " + config.certificate.string() + " cannot be used: " + error.message());
    }
    context->use_private_key_file(config.key.string(), asio::ssl::context::pem, error);
    if (error) return std::unexpected("listen.key " + config.key.string() + " cannot be used: " + error.message());
    return context;
}

std::expected<void, std::string> Front::listen() {
    auto certificate = load_certificate();
    if (!certificate) return std::unexpected(std::move(certificate.error()));
    tls = *std::move(certificate);

    const Tcp::endpoint endpoint = to_asio(config.address);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.protocol() == Tcp::v6() && config.address.address.is_unspecified()) {
        acceptor_.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        std::string what = "cannot listen on " + config.address.to_string() + ": " + error.message();
        if (error == asio::error::address_in_use) what += "; another process has it: change listen.address";
        if (error == asio::error::access_denied) what += "; ports below 1024 need CAP_NET_BIND_SERVICE: change listen.address";
        return std::unexpected(std::move(what));
    }
    local_ = Endpoint::from(*acceptor_.local_endpoint().data());
    return {};
}

void Front::start() {
    asio::co_spawn(context_, accept_loop(shared_from_this()), asio::detached);
    asio::co_spawn(context_, tick_loop(shared_from_this()), asio::detached);
}

asio::awaitable<void> Front::accept_loop(std::shared_ptr<Front> self) {
    for (;;) {
        Tcp::socket socket{self->context_};
        Tcp::endpoint from;
        const auto outcome = co_await self->acceptor_.async_accept(socket, from, kOutcome);
        if (self->shutting_down_ || !self->acceptor_.is_open()) co_return;
        if (std::get<0>(outcome)) {
            // Out of descriptors, most likely: the kernel keeps the connection, so asking again at once would spin.
            self->accept_pause_.expires_after(kTick);
            const auto paused = co_await self->accept_pause_.async_wait(kOutcome);
            if (std::get<0>(paused)) co_return;
            continue;
        }
        if (self->counters.connections >= self->config.limits.connections) {
            ++self->counters.connections_refused;
            continue;  // closed by its destructor
        }
        ++self->counters.connections_accepted;
        error_code ignored;
        socket.set_option(Tcp::no_delay(true), ignored);
        const Endpoint peer = Endpoint::from(*from.data());
        if (self->tls != nullptr) serve_tls(self, std::move(socket), peer);
        else serve_plain(self, std::move(socket), peer);
    }
}

asio::awaitable<void> Front::tick_loop(std::shared_ptr<Front> self) {
    for (;;) {
        self->ticker_.expires_after(kTick);
        const auto outcome = co_await self->ticker_.async_wait(kOutcome);
        if (std::get<0>(outcome) || !self->alive_) co_return;
        Outbox out;
        self->hub.advance(self->moment(), out);
        self->deliver(out);
    }
}

void Front::turn(const std::function<void(Hub&, Moment, Outbox&)>& what) {
    if (!alive_) return;
    Outbox out;
    what(hub, moment(), out);
    deliver(out);
}

void Front::deliver(Outbox& out) {
    for (Action& action : out) {
        if (auto* text = std::get_if<SendText>(&action)) {
            if (const auto port = ports_.find(text->session); port != ports_.end()) port->second->send(std::move(text->text));
        } else if (const auto* close = std::get_if<CloseSession>(&action)) {
            if (const auto port = ports_.find(close->session); port != ports_.end()) port->second->close(close->code);
        } else {
            application.on_action(action);
        }
    }
}

SessionId Front::socket_opened(SocketPort& port, const IpAddress& source) {
    const SessionId id{++last_session_};
    ++sockets_;
    ports_.emplace(id, &port);
    counters.websockets = ports_.size();
    turn([&](Hub& h, Moment at, Outbox& out) { h.on_open(id, source, at, out); });
    return id;
}

void Front::socket_message(SessionId id, std::string_view text) {
    turn([&](Hub& h, Moment at, Outbox& out) { h.on_message(id, text, at, out); });
}

void Front::socket_closed(SessionId id) {
    if (ports_.erase(id) == 0) return;
    counters.websockets = ports_.size();
    turn([&](Hub& h, Moment at, Outbox& out) { h.on_close(id, at, out); });
}

// Its connection has ended, after what was queued and the close frame had left, or could not.
void Front::socket_ended() {
    --sockets_;
    if (shutting_down_ && sockets_ == 0 && done_) std::exchange(done_, {})();
}

void Front::shut_down(std::function<void()> done) {
    if (std::exchange(shutting_down_, true)) return;
    error_code ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    if (sockets_ == 0) {
        done();
        return;
    }
    turn([](Hub& h, Moment, Outbox& out) { h.say_goaway(Milliseconds{0}, out); });
    for (const auto& [id, port] : ports_) port->close(CloseCode::GoingAway);
    done_ = std::move(done);
    ticker_.expires_after(config.limits.closing);  // the hub needs no more ticks
    ticker_.async_wait([self = shared_from_this()](error_code) {
        if (self->done_) std::exchange(self->done_, {})();
    });
}

WebServer::WebServer(std::shared_ptr<Front> front) : front_(std::move(front)) {}

WebServer::~WebServer() { front_->abandon(); }

std::expected<std::unique_ptr<WebServer>, std::string> WebServer::open(IoLoop& loop, WebConfig config, Hub& hub,
                                                                       const Clock& clock, WebApplication& application) {
    auto front = std::make_shared<Front>(loop, std::move(config), hub, clock, application);
    if (auto listening = front->listen(); !listening) return std::unexpected(std::move(listening.error()));
    front->start();
    return std::unique_ptr<WebServer>{new WebServer{std::move(front)}};
}

const Endpoint& WebServer::address() const noexcept { return front_->local(); }
bool WebServer::has_page() const { return front_->files.has_page(); }
void WebServer::with_hub(const std::function<void(Hub&, Moment, Outbox&)>& turn) { front_->turn(turn); }

std::expected<void, std::string> WebServer::reload_certificate() {
    auto fresh = front_->load_certificate();
    if (!fresh) return std::unexpected(std::move(fresh.error()));
    front_->tls = *std::move(fresh);
    return {};
}

void WebServer::shut_down(std::function<void()> done) { front_->shut_down(std::move(done)); }
const WebCounters& WebServer::counters() const noexcept { return front_->counters; }

}  // namespace turnpike::signaling
