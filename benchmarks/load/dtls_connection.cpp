#include "benchmarks/load/dtls_connection.hpp"

#include <fmt/format.h>

#include <array>

namespace turnpike::bench {
namespace {

constexpr int kReadBudget =
    256;  // records that one wake may take, so that sending keeps its schedule
constexpr std::size_t kRecordBytesMax = 16384;

}  // namespace

std::expected<std::unique_ptr<Connection>, std::string> DtlsConnection::open(
    Socket socket, const TlsContext& context, const Target& target, Milliseconds timeout) {
    std::unique_ptr<DtlsConnection> connection{
        new DtlsConnection{std::move(socket), context, target}};
    if (auto done = connection->tls_.handshake(target, connection->descriptor(), timeout); !done)
        return std::unexpected(done.error());
    return connection;
}

bool DtlsConnection::send(ByteView message) {
    const TlsClient::Transfer sent = tls_.write(message);
    full_ = sent.outcome == TlsClient::Outcome::Later;
    if (sent.outcome == TlsClient::Outcome::Done) return true;
    if (!full_) error_ = fmt::format("{}: {}", server_.to_string(), sent.error);
    return false;
}

std::expected<void, std::string> DtlsConnection::receive(const OnMessage& on_message) {
    std::array<std::uint8_t, kRecordBytesMax> buffer;
    for (int reads = 0; reads < kReadBudget; ++reads) {
        const TlsClient::Transfer step = tls_.read(buffer);
        if (step.outcome == TlsClient::Outcome::Later) break;
        if (step.outcome != TlsClient::Outcome::Done)
            return std::unexpected(fmt::format("{}: {}", server_.to_string(), step.error));
        on_message(ByteView{buffer}.first(step.size));
    }
    return flush();
}

std::expected<void, std::string> DtlsConnection::flush() {
    full_ = false;
    if (!error_.empty()) return std::unexpected(error_);
    return {};
}

}  // namespace turnpike::bench
