#include "tests/signaling/net/web_support.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace turnpike::signaling {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using Tcp = asio::ip::tcp;
using Plain = beast::tcp_stream;
using Tls = beast::ssl_stream<beast::tcp_stream>;
using error_code = boost::system::error_code;

/// Runs one asynchronous operation to its end, or gives up: a test never hangs.
template <typename Start>
error_code complete(asio::io_context& io, Start&& start) {
    bool done = false;
    error_code result = asio::error::timed_out;
    start([&](error_code error, auto&&...) {
        done = true;
        result = error;
    });
    io.restart();
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!done && std::chrono::steady_clock::now() < end && io.run_one_for(kPatience) > 0) {
    }
    return result;
}

Tcp::endpoint endpoint_of(const Endpoint& server) {
    return {asio::ip::make_address(server.address.to_string()), server.port};
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

template <typename Fields>
std::map<std::string, std::string> fields_of(const Fields& from) {
    std::map<std::string, std::string> fields;
    for (const auto& field : from) fields.emplace(lower({field.name_string().data(), field.name_string().size()}), std::string(field.value()));
    return fields;
}

}  // namespace

// Everything goes through the TLS object or past it, chosen at run time: one instantiation of HTTP less.
struct RawClient::State {
    State() : stream(io, context) {}

    template <typename Use>
    error_code with(Use use) {
        return tls ? complete(io, [&](auto done) { use(stream, done); }) : complete(io, [&](auto done) { use(stream.next_layer(), done); });
    }
    asio::io_context io;
    asio::ssl::context context{asio::ssl::context::tls_client};
    Tls stream;
    beast::flat_buffer buffer;
    bool tls = false, connected = false;
};

RawClient::RawClient(const Endpoint& server, Over over) : state_(std::make_unique<State>()) {
    State& s = *state_;
    error_code error = complete(s.io, [&](auto done) { s.stream.next_layer().async_connect(endpoint_of(server), done); });
    s.tls = over == Over::Tls;
    if (!error && s.tls) error = complete(s.io, [&](auto done) { s.stream.async_handshake(asio::ssl::stream_base::client, done); });
    s.connected = !error;
}
RawClient::~RawClient() = default;

bool RawClient::connected() const { return state_->connected; }

std::string RawClient::certificate_name() const {
    X509* certificate = SSL_get1_peer_certificate(state_->stream.native_handle());
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return name;
}

bool RawClient::send(std::string_view bytes) {
    return !state_->with([&](auto& stream, auto done) { asio::async_write(stream, asio::buffer(bytes), done); });
}

WebAnswer RawClient::response(bool of_head) {
    http::response_parser<http::string_body> parser;
    parser.body_limit(64U << 20);
    parser.skip(of_head);
    if (state_->with([&](auto& stream, auto done) { http::async_read(stream, state_->buffer, parser, done); })) return {};
    const auto answer = parser.release();
    return {static_cast<int>(answer.result_int()), fields_of(answer), answer.body()};
}

std::string RawClient::read_all() {
    std::string all = beast::buffers_to_string(state_->buffer.data());
    std::array<char, 4096> piece{};
    for (;;) {
        std::size_t size = 0;
        const error_code error = state_->with([&](auto& stream, auto done) {
            stream.async_read_some(asio::buffer(piece), [&size, done](error_code e, std::size_t n) { size = n, done(e); });
        });
        if (error) return all;
        all.append(piece.data(), size);
    }
}

bool RawClient::upgrade() {
    send("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: turnpike.v1\r\n\r\n");
    http::response_parser<http::empty_body> parser;
    const error_code error = state_->with([&](auto& stream, auto done) { http::async_read_header(stream, state_->buffer, parser, done); });
    return !error && parser.get().result_int() == 101;
}

class WsClient::Port {
public:
    virtual ~Port() = default;
    virtual error_code connect(const Endpoint& server, int receive_buffer) = 0;
    virtual error_code upgrade(std::string subprotocol, std::string origin, std::string host) = 0;
    virtual error_code send(std::string_view text) = 0;
    virtual error_code receive(std::string& text) = 0;
    virtual int close_code() const = 0;
    websocket::response_type response;
};

namespace {

template <typename Stream>
class PortOver final : public WsClient::Port {
public:
    PortOver() : ws_(make()) {}

    error_code connect(const Endpoint& server, int receive_buffer) override {
        auto& socket = beast::get_lowest_layer(ws_).socket();
        const Tcp::endpoint endpoint = endpoint_of(server);
        socket.open(endpoint.protocol());
        if (receive_buffer > 0) socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer));
        socket.set_option(Tcp::no_delay(true));  // Beast writes a large frame in pieces
        error_code error = complete(io_, [&](auto done) { socket.async_connect(endpoint, done); });
        if constexpr (std::is_same_v<Stream, Tls>) {
            if (!error) error = complete(io_, [&](auto done) { ws_.next_layer().async_handshake(asio::ssl::stream_base::client, done); });
        }
        return error;
    }
    error_code upgrade(std::string subprotocol, std::string origin, std::string host) override {
        ws_.set_option(websocket::stream_base::decorator([subprotocol, origin](websocket::request_type& request) {
            if (!subprotocol.empty()) request.set(http::field::sec_websocket_protocol, subprotocol);
            if (!origin.empty()) request.set(http::field::origin, origin);
        }));
        return complete(io_, [&](auto done) { ws_.async_handshake(response, host, "/ws", done); });
    }
    error_code send(std::string_view text) override {
        return complete(io_, [&](auto done) { ws_.async_write(asio::buffer(text), done); });
    }
    error_code receive(std::string& text) override {
        beast::flat_buffer buffer;
        const error_code error = complete(io_, [&](auto done) { ws_.async_read(buffer, done); });
        text = beast::buffers_to_string(buffer.data());
        return error;
    }
    int close_code() const override { return ws_.reason().code; }

private:
    websocket::stream<Stream> make() {
        if constexpr (std::is_same_v<Stream, Tls>) return websocket::stream<Stream>{io_, context_};
        else return websocket::stream<Stream>{io_};
    }
    asio::io_context io_;
    asio::ssl::context context_{asio::ssl::context::tls_client};
    websocket::stream<Stream> ws_;
};

}  // namespace

WsClient::WsClient(RawClient::Over over) {
    if (over == RawClient::Over::Tls) port_ = std::make_unique<PortOver<Tls>>();
    else port_ = std::make_unique<PortOver<Plain>>();
}
WsClient::~WsClient() = default;

bool WsClient::connect(const Endpoint& server, int receive_buffer) { return !port_->connect(server, receive_buffer); }
bool WsClient::upgrade(std::string_view subprotocol, std::string_view origin, std::string_view host) {
    return !port_->upgrade(std::string{subprotocol}, std::string{origin}, std::string{host});
}
std::string WsClient::upgrade_field(std::string_view name) const { return std::string(port_->response[beast::string_view{name}]); }
bool WsClient::send(std::string_view text) { return !port_->send(text); }

json WsClient::receive() {
    std::string text;
    if (port_->receive(text)) return nullptr;
    return json::parse(text, nullptr, false);
}

json WsClient::call(std::string_view method, json params) {
    const int id = ++last_id_;
    send(json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}}.dump());
    for (json frame = receive(); !frame.is_null(); frame = receive()) {
        if (frame.contains("id") && frame["id"] == id) return frame;
        kept_.push_back(std::move(frame));
    }
    return nullptr;
}

json WsClient::wait_for(std::string_view method, std::string_view type) {
    const auto fits = [&](const json& frame) {
        return frame.value("method", "") == method && (type.empty() || frame["params"].value("type", "") == type);
    };
    for (auto at = kept_.begin(); at != kept_.end(); ++at) {
        if (!fits(*at)) continue;
        json found = *at;
        kept_.erase(kept_.begin(), at + 1);
        return found;
    }
    kept_.clear();
    json frame = receive();
    while (!frame.is_null() && !fits(frame)) frame = receive();
    return frame;
}

int WsClient::close_code() {
    while (!receive().is_null()) {
    }
    return port_->close_code();
}

int close_code_in(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    for (std::size_t i = 0; i + 2 <= bytes.size();) {
        const unsigned opcode = at(i) & 0x0FU;
        std::size_t size = at(i + 1) & 0x7FU, head = 2;
        if (size == 126 && i + 4 <= bytes.size()) size = (std::size_t{at(i + 2)} << 8) | at(i + 3), head = 4;
        else if (size >= 126) return 0;
        if (opcode == 8) return size >= 2 && i + head + 2 <= bytes.size() ? (at(i + head) << 8) | at(i + head + 1) : 0;
        i += head + size;
    }
    return 0;
}

}  // namespace turnpike::signaling
