#pragma once

#include "benchmarks/load/connection.hpp"
#include "benchmarks/load/socket.hpp"
#include "benchmarks/load/tls_client.hpp"

namespace turnpike::bench {

/// TURN over DTLS: a message is a record is a datagram.
class DtlsConnection final : public Connection {
public:
    static std::expected<std::unique_ptr<Connection>, std::string> open(Socket socket,
                                                                        const TlsContext& context,
                                                                        const Target& target,
                                                                        Milliseconds timeout);

    int descriptor() const noexcept override { return socket_.descriptor(); }
    bool wants_write() const noexcept override { return full_; }
    bool send(ByteView message) override;
    std::expected<void, std::string> receive(const OnMessage& on_message) override;
    std::expected<void, std::string> flush() override;
    std::uint64_t receive_drops() const noexcept override { return socket_.receive_drops(); }

private:
    DtlsConnection(Socket socket, const TlsContext& context, const Target& target)
        : socket_(std::move(socket)),
          server_(target.server),
          tls_(context, target, socket_.descriptor()) {}

    Socket socket_;
    Endpoint server_;
    TlsClient tls_;
    std::string error_;
    bool full_ = false;
};

}  // namespace turnpike::bench
