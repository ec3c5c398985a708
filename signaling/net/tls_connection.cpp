#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "signaling/net/http_connection.hpp"

namespace turnpike::signaling {
namespace {

// The context must outlive the SSL object, also over a reload.
asio::awaitable<void> serve_with(std::shared_ptr<asio::ssl::context> context,
                                 std::unique_ptr<HttpConnection<beast::ssl_stream<beast::tcp_stream>>> connection) {
    co_await serve(std::move(connection));
    context.reset();
}

}  // namespace

void serve_tls(std::shared_ptr<Front> front, Tcp::socket socket, const Endpoint& peer) {
    const auto executor = socket.get_executor();
    auto context = front->tls;
    auto connection = std::make_unique<HttpConnection<beast::ssl_stream<beast::tcp_stream>>>(
        std::move(front), beast::ssl_stream<beast::tcp_stream>{beast::tcp_stream{std::move(socket)}, *context}, peer);
    asio::co_spawn(executor, serve_with(std::move(context), std::move(connection)), asio::detached);
}

}  // namespace turnpike::signaling
