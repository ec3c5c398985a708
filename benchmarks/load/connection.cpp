#include "benchmarks/load/connection.hpp"

#include <sys/socket.h>

#include "benchmarks/load/dtls_connection.hpp"
#include "benchmarks/load/stream_connection.hpp"
#include "benchmarks/load/tls_connection.hpp"

namespace turnpike::bench {

std::expected<std::unique_ptr<Connection>, std::string> connect(const Target& target,
                                                                const TlsContext* tls,
                                                                Milliseconds timeout) {
    const int type = is_stream(target.transport) ? SOCK_STREAM : SOCK_DGRAM;
    auto socket = Socket::connected(target.server, type, timeout);
    if (!socket) return std::unexpected(socket.error());
    if (target.transport == Transport::Tcp)
        return std::make_unique<StreamConnection>(std::move(*socket), target.server);
    if (tls == nullptr) return std::unexpected("no TLS here");
    if (target.transport == Transport::Tls)
        return TlsConnection::open(std::move(*socket), *tls, target, timeout);
    return DtlsConnection::open(std::move(*socket), *tls, target, timeout);
}

}  // namespace turnpike::bench
