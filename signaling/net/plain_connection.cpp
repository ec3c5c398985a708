#include "signaling/net/http_connection.hpp"

namespace turnpike::signaling {

void serve_plain(std::shared_ptr<Front> front, Tcp::socket socket, const Endpoint& peer) {
    const auto executor = socket.get_executor();
    auto connection = std::make_unique<HttpConnection<beast::tcp_stream>>(std::move(front), beast::tcp_stream{std::move(socket)}, peer);
    asio::co_spawn(executor, serve(std::move(connection)), asio::detached);
}

}  // namespace turnpike::signaling
