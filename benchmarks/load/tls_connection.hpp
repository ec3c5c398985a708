#pragma once

#include "benchmarks/load/stream_connection.hpp"
#include "benchmarks/load/tls_client.hpp"

namespace turnpike::bench {

/// TURN over TLS.
class TlsConnection final : public StreamConnection {
public:
    static std::expected<std::unique_ptr<Connection>, std::string> open(Socket socket,
                                                                        const TlsContext& context,
                                                                        const Target& target,
                                                                        Milliseconds timeout) {
        const int descriptor = socket.descriptor();
        std::unique_ptr<TlsConnection> connection{
            new TlsConnection{std::move(socket), context, target}};
        if (auto done = connection->tls_.handshake(target, descriptor, timeout); !done)
            return std::unexpected(done.error());
        return connection;
    }

protected:
    Transfer read_some(ByteSpan into) override { return tls_.read(into); }
    Transfer write_some(ByteView from) override { return tls_.write(from); }

private:
    TlsConnection(Socket socket, const TlsContext& context, const Target& target)
        : StreamConnection(std::move(socket), target.server), tls_(context, target, descriptor()) {}

    TlsClient tls_;
};

}  // namespace turnpike::bench
