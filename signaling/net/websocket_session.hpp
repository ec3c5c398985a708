#pragma once

// Inside of the room: one WebSocket over a plain or a TLS stream.

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

#include "common/base/token_bucket.hpp"
#include "signaling/net/front.hpp"

namespace turnpike::signaling {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

inline constexpr std::string_view kSubprotocol = "turnpike.v1";

/// Three coroutines share it: one reads, one writes, one watches the clock. It is gone when all have ended.
///
/// Threading  its stream's executor
template <typename Stream>
class WebSocketSession final : public SocketPort, public std::enable_shared_from_this<WebSocketSession<Stream>> {
public:
    using Head = http::request<http::string_body>;

    WebSocketSession(std::shared_ptr<Front> front, Stream stream, const IpAddress& source)
        : front_(std::move(front)),
          ws_(std::move(stream)),
          bell_(ws_.get_executor()),
          watch_(ws_.get_executor()),
          source_(source) {}

    static asio::awaitable<void> run(std::shared_ptr<WebSocketSession> self, Head head) {
        self->prepare();
        const auto accepted = co_await self->ws_.async_accept(head, kOutcome);
        if (std::get<0>(accepted)) co_return;

        self->heard_ = self->front_->clock.now();
        self->id_ = self->front_->socket_opened(*self, self->source_);
        asio::co_spawn(self->ws_.get_executor(), write_loop(self), asio::detached);
        asio::co_spawn(self->ws_.get_executor(), watch_loop(self), asio::detached);

        beast::flat_buffer message;  // read_message_max bounds it
        for (;;) {
            message.clear();
            const auto outcome = co_await self->ws_.async_read(message, kOutcome);
            if (std::get<0>(outcome)) break;  // closed, broken, or not WebSocket: Beast has answered with its close code
            self->heard_ = self->front_->clock.now();
            ++self->front_->counters.messages_in;
            self->front_->counters.bytes_in += message.size();
            if (self->closing_) continue;
            if (self->ws_.got_binary()) {
                self->close(CloseCode::UnsupportedData);
                continue;
            }
            const auto bytes = message.cdata();
            self->front_->socket_message(self->id_, {static_cast<const char*>(bytes.data()), bytes.size()});
        }
        self->gone_ = true;
        self->front_->socket_closed(self->id_);
        self->bell_.cancel();
        self->watch_.cancel();
        beast::get_lowest_layer(self->ws_).close();
        self->front_->socket_ended();
    }

    // What does not fit is not queued without end: a reader that has fallen behind is cut off, and comes back.
    void send(std::string text) override {
        if (closing_ || gone_) return;
        const WebLimits& limits = front_->config.limits;
        if (queue_.size() >= limits.queue_messages || queued_bytes_ + text.size() > limits.queue_bytes) {
            ++front_->counters.slow_consumers;
            drop_queue();
            close(CloseCode::SlowConsumer);
            return;
        }
        queued_bytes_ += text.size();
        queue_.push_back(std::move(text));
        bell_.cancel();
    }

    void close(CloseCode code) override {
        if (closing_ || gone_) return;
        closing_ = code;
        close_by_ = front_->clock.now() + front_->config.limits.closing;
        // Posted, since the hub may be in the middle of a turn.
        asio::post(ws_.get_executor(), [self = this->shared_from_this()] { self->front_->socket_closed(self->id_); });
        bell_.cancel();
        watch_.cancel();
    }

private:
    void prepare() {
        const WebLimits& limits = front_->config.limits;
        beast::get_lowest_layer(ws_).expires_never();  // from here on the WebSocket's own clocks count
        websocket::stream_base::timeout clocks{};
        clocks.handshake_timeout = limits.closing;
        clocks.idle_timeout = websocket::stream_base::none();
        clocks.keep_alive_pings = false;
        ws_.set_option(clocks);
        ws_.set_option(websocket::stream_base::decorator(
            [](websocket::response_type& response) { response.set(http::field::sec_websocket_protocol, kSubprotocol); }));
        ws_.read_message_max(limits.message_bytes);
        ws_.auto_fragment(false);
        ws_.text(true);
        ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
            heard_ = front_->clock.now();
            if (kind == websocket::frame_type::ping && !pings_.take(1, heard_)) close(CloseCode::PolicyViolation);
        });
    }

    void drop_queue() {
        // The first one may be on its way to the kernel.
        while (queue_.size() > (writing_ ? 1U : 0U)) {
            queued_bytes_ -= queue_.back().size();
            queue_.pop_back();
        }
    }

    static asio::awaitable<void> write_loop(std::shared_ptr<WebSocketSession> self) {
        while (!self->gone_) {
            if (!self->queue_.empty()) {
                self->writing_ = true;
                // front() stays where it is while send() appends behind it.
                const auto outcome = co_await self->ws_.async_write(asio::buffer(self->queue_.front()), kOutcome);
                self->writing_ = false;
                if (std::get<0>(outcome)) break;
                ++self->front_->counters.messages_out;
                self->front_->counters.bytes_out += self->queue_.front().size();
                self->queued_bytes_ -= self->queue_.front().size();
                self->queue_.pop_front();
            } else if (self->closing_) {
                const websocket::close_reason reason{static_cast<websocket::close_code>(*self->closing_),
                                                     beast::string_view{to_string(*self->closing_)}};
                co_await self->ws_.async_close(reason, kOutcome);
                break;
            } else {
                self->bell_.expires_at(asio::steady_timer::time_point::max());
                co_await self->bell_.async_wait(kOutcome);
            }
        }
    }

    // Pings, and the two ends that nobody else sees: silence, and a closing handshake that does not come.
    static asio::awaitable<void> watch_loop(std::shared_ptr<WebSocketSession> self) {
        const WebLimits& limits = self->front_->config.limits;
        Instant next_ping = self->front_->clock.now() + limits.ping;
        while (!self->gone_) {
            const Instant now = self->front_->clock.now();
            const Instant dead_at = self->closing_ ? self->close_by_ : self->heard_ + limits.silence;
            if (now >= dead_at) {
                if (!self->closing_) ++self->front_->counters.silent;
                beast::get_lowest_layer(self->ws_).close();  // the reader ends with it
                co_return;
            }
            if (now >= next_ping) {
                next_ping = now + limits.ping;
                self->ping();
            }
            self->watch_.expires_after(std::min(dead_at, next_ping) - now);
            co_await self->watch_.async_wait(kOutcome);
        }
    }

    void ping() {
        if (ping_pending_ || closing_) return;  // behind a write that does not move; silence will tell
        ping_pending_ = true;
        ws_.async_ping({}, [self = this->shared_from_this()](beast::error_code) { self->ping_pending_ = false; });
    }

    std::shared_ptr<Front> front_;
    websocket::stream<Stream> ws_;
    asio::steady_timer bell_;   // rung when there is something to write
    asio::steady_timer watch_;
    IpAddress source_;
    SessionId id_;
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    bool writing_ = false;
    bool gone_ = false;
    bool ping_pending_ = false;
    std::optional<CloseCode> closing_;
    Instant close_by_{};
    Instant heard_{};
    TokenBucket pings_{10, 20};
};

}  // namespace turnpike::signaling
