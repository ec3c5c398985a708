#pragma once

// Inside of the room: one TCP connection, from its first request to its last, or to its upgrade.

#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <ctime>

#include "signaling/net/http_rules.hpp"
#include "signaling/net/websocket_session.hpp"

namespace turnpike::signaling {

/// The page for everything that a browser may run into. `text` is ours.
HttpAnswer plain_answer(int status, std::string_view text);
HttpAnswer static_answer(const Front& front, std::string_view path, std::string_view if_none_match);
std::string http_date(WallTime now);

template <typename Stream>
class HttpConnection {
public:
    using Parser = http::request_parser<http::string_body>;
    using Head = typename WebSocketSession<Stream>::Head;
    static constexpr bool kTls = !std::is_same_v<Stream, beast::tcp_stream>;

    HttpConnection(std::shared_ptr<Front> front, Stream stream, const Endpoint& peer)
        : front_(std::move(front)), stream_(std::move(stream)), peer_(peer) {
        ++front_->counters.connections;
    }
    ~HttpConnection() { --front_->counters.connections; }
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    asio::awaitable<void> run() {
        if constexpr (kTls) {
            lowest().expires_after(limits().head);
            const auto shaken = co_await stream_.async_handshake(asio::ssl::stream_base::server, kOutcome);
            if (std::get<0>(shaken)) co_return;
        }
        lowest().expires_after(limits().head);
        for (;;) {
            int fault = co_await read_head();
            if (fault < 0) break;  // closed, or too slow
            Parser parser;
            if (fault == 0) fault = co_await parse(parser);
            if (fault < 0) break;
            if (fault > 0) {
                co_await write(plain_answer(fault, {}), false, false);
                co_await drain();
                break;
            }
            Head head = parser.release();
            const std::string_view raw{head.target().data(), head.target().size()};
            const auto target = parse_target(raw);
            if (target && target->path == "/ws") {
                const HttpAnswer refused = upgrade_refusal(head);
                if (refused.status == 101) {
                    co_await upgrade(std::move(head));
                    co_return;
                }
                ++front_->counters.upgrades_refused;
                if (!co_await write(refused, head.keep_alive(), false)) break;
            } else if (!target) {
                if (!co_await write(plain_answer(400, "That address is not one."), head.keep_alive(), false)) break;
            } else {
                const bool again = co_await answer(head, *target);
                if (!again) break;
            }
            lowest().expires_after(limits().keep_alive);
        }
        co_await say_goodbye();
    }

private:
    const WebLimits& limits() const { return front_->config.limits; }
    beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream_); }

    // Until the blank line; 0, or the status to refuse with, or -1 when the connection is over.
    asio::awaitable<int> read_head() {
        for (;;) {
            const auto have = buffer_.cdata();
            const std::string_view text{static_cast<const char*>(have.data()), have.size()};
            const std::size_t end = text.find("\r\n\r\n");
            if (end != std::string_view::npos && end + 4 <= limits().head_bytes) co_return head_fault(text.substr(0, end + 4));
            if (text.size() >= limits().head_bytes) co_return 431;
            const bool nothing_yet = text.empty();
            const auto outcome = co_await stream_.async_read_some(buffer_.prepare(2048), kOutcome);
            if (std::get<0>(outcome)) co_return -1;
            buffer_.commit(std::get<1>(outcome));
            if (nothing_yet) lowest().expires_after(limits().head);  // once begun, it has to end
        }
    }

    asio::awaitable<int> parse(Parser& parser) {
        parser.header_limit(static_cast<std::uint32_t>(limits().head_bytes));
        parser.body_limit(limits().body_bytes);
        beast::error_code error;
        buffer_.consume(parser.put(buffer_.data(), error));
        if (error == http::error::body_limit) co_return 413;
        if (error || !parser.is_header_done()) co_return 400;
        if (!parser.is_done()) {
            lowest().expires_after(limits().answer);
            const auto outcome = co_await http::async_read(stream_, buffer_, parser, kOutcome);
            const beast::error_code failed = std::get<0>(outcome);
            if (failed == http::error::body_limit) co_return 413;
            if (failed && failed.category() == make_error_code(http::error::bad_method).category()) co_return 400;
            if (failed) co_return -1;
        }
        co_return 0;
    }

    IpAddress client(const Head& head) const {
        const auto field = head["X-Forwarded-For"];
        return client_address(peer_.address, {field.data(), field.size()}, front_->config.trusted_proxies);
    }

    // 101 when the WebSocket may open (RFC 6455 §4.2).
    HttpAnswer upgrade_refusal(const Head& head) const {
        const auto field = [&](http::field name) {
            const auto value = head[name];
            return std::string_view{value.data(), value.size()};
        };
        HttpAnswer upgrade_required = plain_answer(426, "This address is a WebSocket.");
        upgrade_required.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
        if (head.method() != http::verb::get || head.version() != 11) return plain_answer(400, "A WebSocket begins with GET and HTTP/1.1.");
        if (!list_has(field(http::field::upgrade), "websocket") || !list_has(field(http::field::connection), "upgrade")) return upgrade_required;
        if (!is_websocket_key(field(http::field::sec_websocket_key))) return plain_answer(400, "Sec-WebSocket-Key is missing or wrong.");
        if (field(http::field::sec_websocket_version) != "13") return upgrade_required;
        std::optional<std::string_view> origin;
        if (head.find(http::field::origin) != head.end()) origin = field(http::field::origin);
        if (!origin_allowed(origin, field(http::field::host), front_->config.origins)) {
            return plain_answer(403, "Pages of that origin may not connect: see web.origins.");
        }
        if (!list_has(field(http::field::sec_websocket_protocol), kSubprotocol)) {
            return plain_answer(400, "Ask for the subprotocol turnpike.v1.");
        }
        if (buffer_.size() > 0) return plain_answer(400, "Wait for the answer before sending frames.");
        if (front_->shutting_down()) return plain_answer(503, "The server is stopping.");
        if (!front_->hub.may_open(client(head))) {
            HttpAnswer busy = plain_answer(429, "Too many connections.");
            busy.headers = {{"Retry-After", "10"}};
            return busy;
        }
        return plain_answer(101, {});
    }

    asio::awaitable<void> upgrade(Head head) {
        ++front_->counters.upgrades;
        const IpAddress source = client(head);
        auto session = std::make_shared<WebSocketSession<Stream>>(front_, std::move(stream_), source);
        co_await WebSocketSession<Stream>::run(std::move(session), std::move(head));
    }

    // Whether the connection goes on.
    asio::awaitable<bool> answer(const Head& head, const Target& target) {
        const bool is_head = head.method() == http::verb::head;
        HttpRequest request;
        request.method = std::string{head.method_string().data(), head.method_string().size()};
        if (is_head) request.method = "GET";
        request.path = target.path;
        request.query = target.query;
        const auto authorization = head[http::field::authorization];
        request.authorization.assign(authorization.data(), authorization.size());
        request.body = head.body();
        request.client = client(head);

        auto waiting = std::make_shared<Waiting>(stream_.get_executor());
        const bool taken = front_->application.on_http(request, [waiting](HttpAnswer given) {
            waiting->answer = std::move(given);
            waiting->bell.cancel();
        });
        HttpAnswer given;
        if (!taken) {
            if (request.method != "GET") {
                given = plain_answer(405, "Only GET and HEAD here.");
                given.headers = {{"Allow", "GET, HEAD"}};
            } else {
                const auto known = head[http::field::if_none_match];
                given = static_answer(*front_, target.path, {known.data(), known.size()});
            }
        } else {
            if (!waiting->answer) {
                waiting->bell.expires_after(limits().answer);
                co_await waiting->bell.async_wait(kOutcome);
            }
            if (waiting->answer) given = *std::move(waiting->answer);
            else given = plain_answer(504, "No answer in time.");
        }
        const bool again = co_await write(given, head.keep_alive() && !front_->shutting_down(), is_head);
        co_return again;
    }

    asio::awaitable<bool> write(HttpAnswer given, bool keep_alive, bool is_head) {
        auto& counters = front_->counters;
        ++(given.status >= 500 ? counters.http_5xx : given.status >= 400 ? counters.http_4xx : given.status >= 300 ? counters.http_3xx : counters.http_2xx);
        http::response<http::string_body> response{static_cast<http::status>(given.status), 11};
        response.set(http::field::date, http_date(front_->clock.wall()));
        for (const auto& [name, value] : security_headers(kTls)) response.set(beast::string_view{name}, beast::string_view{value});
        if (given.status != 304) response.set(http::field::content_type, given.content_type);
        for (const auto& [name, value] : given.headers) response.set(name, value);
        response.keep_alive(keep_alive);
        if (given.status != 304) response.content_length(given.body.size());
        if (!is_head && given.status != 304) response.body() = std::move(given.body);
        lowest().expires_after(limits().answer);
        const auto outcome = co_await http::async_write(stream_, response, kOutcome);
        co_return !std::get<0>(outcome) && keep_alive;
    }

    // Bytes left unread would make the kernel reset the connection, and the refusal would be lost with it.
    asio::awaitable<void> drain() {
        beast::error_code ignored;
        if constexpr (!kTls) lowest().socket().shutdown(Tcp::socket::shutdown_send, ignored);
        lowest().expires_after(Seconds{1});
        for (std::size_t left = 256 * 1024; left > 0;) {
            buffer_.clear();
            const auto outcome = co_await stream_.async_read_some(buffer_.prepare(4096), kOutcome);
            if (std::get<0>(outcome)) co_return;
            left -= std::min(left, std::get<1>(outcome));
        }
    }

    asio::awaitable<void> say_goodbye() {
        beast::error_code ignored;
        if constexpr (kTls) {
            lowest().expires_after(Seconds{1});
            co_await stream_.async_shutdown(kOutcome);
        }
        lowest().socket().shutdown(Tcp::socket::shutdown_send, ignored);
        lowest().close();
    }

    struct Waiting {
        explicit Waiting(const asio::any_io_executor& executor) : bell(executor) {}
        asio::steady_timer bell;
        std::optional<HttpAnswer> answer;
    };

    std::shared_ptr<Front> front_;
    Stream stream_;
    Endpoint peer_;
    beast::flat_buffer buffer_;
};

template <typename Stream>
asio::awaitable<void> serve(std::unique_ptr<HttpConnection<Stream>> connection) {
    co_await connection->run();
}

}  // namespace turnpike::signaling
