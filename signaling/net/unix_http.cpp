#include "signaling/net/unix_http.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "signaling/net/asio.hpp"

namespace turnpike::signaling {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;

constexpr std::size_t kAnswerBytesMax = 1 << 20;

asio::awaitable<UnixHttpAnswer> exchange(asio::io_context& context, UnixHttpCall call) {
    const auto failed = [](const char* step, const beast::error_code& error) {
        return UnixHttpAnswer{0, {}, std::string{step} + ": " + error.message()};
    };
    if (call.socket.string().size() >= sizeof(sockaddr_un{}.sun_path)) co_return UnixHttpAnswer{0, {}, "the socket's path is too long"};
    beast::basic_stream<Local> stream{context};
    stream.expires_after(call.deadline);
    const Local::endpoint where{call.socket.string()};
    const auto connected = co_await stream.async_connect(where, kOutcome);
    if (std::get<0>(connected)) co_return failed("connect", std::get<0>(connected));

    http::request<http::string_body> request{http::string_to_verb(call.method), call.target, 11};
    request.set(http::field::host, "localhost");
    request.set(http::field::connection, "close");
    if (!call.body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = std::move(call.body);
    request.prepare_payload();
    const auto written = co_await http::async_write(stream, request, kOutcome);
    if (std::get<0>(written)) co_return failed("write", std::get<0>(written));

    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    const auto read = co_await http::async_read(stream, buffer, parser, kOutcome);
    if (std::get<0>(read)) co_return failed("read", std::get<0>(read));
    co_return UnixHttpAnswer{static_cast<int>(parser.get().result_int()), std::move(parser.get().body()), {}};
}

asio::awaitable<void> exchange_and_tell(asio::io_context& context, UnixHttpCall call,
                                        std::function<void(UnixHttpAnswer)> done) {
    UnixHttpAnswer answer = co_await exchange(context, std::move(call));
    done(std::move(answer));
}

}  // namespace

void unix_http(IoLoop& loop, UnixHttpCall call, std::function<void(UnixHttpAnswer)> done) {
    asio::io_context& context = loop.state().context;
    asio::co_spawn(context, exchange_and_tell(context, std::move(call), std::move(done)), asio::detached);
}

}  // namespace turnpike::signaling
