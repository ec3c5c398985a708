#include "admin/admin_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace turnpike::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Json = nlohmann::json;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

constexpr std::size_t kSocketPathMax = 107;

Failure connection_failure(const std::filesystem::path& socket, const beast::error_code& error, Milliseconds timeout) {
    namespace errc = boost::system::errc;
    if (error == beast::error::timeout) {
        return {ExitCode::Deadline, fmt::format("{} did not answer within {} s", socket.string(), timeout.count() / 1000),
                "look at the daemon's log, or give it longer with --timeout"};
    }
    if (error == errc::permission_denied) {
        return {ExitCode::Permission, fmt::format("{} is not for you", socket.string()),
                "run as root or as the daemon's user"};
    }
    if (error == errc::no_such_file_or_directory) {
        return {ExitCode::Unreachable, fmt::format("there is no socket {}", socket.string()), "is the daemon running?"};
    }
    if (error == errc::connection_refused) {
        return {ExitCode::Unreachable, fmt::format("nobody answers on {}", socket.string()),
                "the daemon that made it is gone; start it again"};
    }
    return {ExitCode::Unreachable, fmt::format("{}: {}", socket.string(), error.message()), {}};
}

ExitCode code_of(unsigned status) {
    switch (status) {
        case 401: case 403: return ExitCode::Permission;
        case 404: return ExitCode::NotFound;
        case 409: case 412: return ExitCode::Precondition;
        case 503: return ExitCode::Unreachable;
        case 504: return ExitCode::Deadline;
        default: return ExitCode::Failed;
    }
}

// {"error":{"code":"not_found","message":"there is no allocation 17"}}
Failure refusal(unsigned status, const Json& answer) {
    std::string message = fmt::format("the daemon answered {}", status);
    if (answer.is_object()) {
        if (const auto error = answer.find("error"); error != answer.end() && error->is_object()) {
            message = error->value("message", message);
        }
    }
    return {code_of(status), message, {}};
}

}  // namespace

std::expected<Json, Failure> AdminClient::get(const std::string& target) const { return exchange(Verb::Get, target, {}); }
std::expected<Json, Failure> AdminClient::remove(const std::string& target) const {
    return exchange(Verb::Delete, target, {});
}
std::expected<Json, Failure> AdminClient::post(const std::string& target, const Json& body) const {
    return exchange(Verb::Post, target, body.dump());
}

std::expected<Json, Failure> AdminClient::exchange(Verb verb, const std::string& target, std::string body) const {
    if (socket_.native().size() > kSocketPathMax) {
        return std::unexpected(Failure{ExitCode::Unreachable, fmt::format("{} is too long for a socket's path", socket_.string()),
                                       "use a shorter node.runtime_dir"});
    }
    asio::io_context context;
    Stream stream{context};
    beast::error_code error;
    // One step after the other, all under one deadline.
    const auto step = [&](auto&& start) {
        start([&error](const beast::error_code& result, auto&&...) { error = result; });
        context.restart();
        context.run();
        return !error;
    };
    stream.expires_after(timeout_);

    http::request<http::string_body> request{
        verb == Verb::Get ? http::verb::get : verb == Verb::Delete ? http::verb::delete_ : http::verb::post, target, 11};
    request.set(http::field::host, "localhost");
    request.set(http::field::connection, "close");
    if (verb == Verb::Post) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();

    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    beast::flat_buffer buffer;
    const bool done =
        step([&](auto&& then) { stream.async_connect(asio::local::stream_protocol::endpoint{socket_.string()}, then); }) &&
        step([&](auto&& then) { http::async_write(stream, request, then); }) &&
        step([&](auto&& then) { http::async_read(stream, buffer, parser, then); });
    if (!done) return std::unexpected(connection_failure(socket_, error, timeout_));

    Json answer = Json::parse(parser.get().body(), nullptr, false);
    const unsigned status = parser.get().result_int();
    if (status < 200 || status > 299) return std::unexpected(refusal(status, answer));
    if (answer.is_discarded()) {
        return std::unexpected(Failure{ExitCode::Failed, fmt::format("{} answered what is no JSON", socket_.string()),
                                       "turnpike and the daemons should be of one version"});
    }
    return answer;
}

std::string url_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain) out += c;
        else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace turnpike::admin
