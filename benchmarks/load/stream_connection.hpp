#pragma once

#include "benchmarks/load/connection.hpp"
#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {

/// A TCP stream of TURN frames. ChannelData is padded to four bytes (RFC 8656 §12.5).
class StreamConnection : public Connection {
public:
    /// What may wait for the socket. Beyond it send() says no, so that a slow server slows the
    /// generator and not its memory.
    static constexpr std::size_t kQueueBytesMax = 256 * 1024;

    StreamConnection(Socket socket, Endpoint server)
        : socket_(std::move(socket)), server_(server) {}

    int descriptor() const noexcept override { return socket_.descriptor(); }
    bool wants_write() const noexcept override { return !outgoing_.empty(); }
    bool send(ByteView message) override;
    std::expected<void, std::string> receive(const OnMessage& on_message) override;
    std::expected<void, std::string> flush() override;

protected:
    using Outcome = TlsClient::Outcome;
    using Transfer = TlsClient::Transfer;
    virtual Transfer read_some(ByteSpan into);
    virtual Transfer write_some(ByteView from);

private:
    std::expected<void, std::string> cut_frames(const OnMessage& on_message);

    Socket socket_;
    Endpoint server_;
    Bytes incoming_, outgoing_;
};

}  // namespace turnpike::bench
