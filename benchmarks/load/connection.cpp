#include "benchmarks/load/connection.hpp"

#include <sys/socket.h>

#include "benchmarks/load/stream_connection.hpp"
#include "benchmarks/load/tls_connection.hpp"
#include "benchmarks/load/udp_connection.hpp"

namespace turnpike::bench {

std::expected<std::unique_ptr<Connection>, std::string> connect(const Target& target, Milliseconds timeout) {
    const int type = is_stream(target.transport) ? SOCK_STREAM : SOCK_DGRAM;
    auto socket = Socket::connected(target.server, type, timeout);
    if (!socket) return std::unexpected(socket.error());
    switch (target.transport) {
        case Transport::Udp: return std::make_unique<UdpConnection>(std::move(*socket), target.server);
        case Transport::Tcp: return std::make_unique<StreamConnection>(std::move(*socket), target.server);
        case Transport::Tls: return TlsConnection::open(std::move(*socket), target, timeout);
        case Transport::Dtls: break;
    }
    return std::unexpected("DTLS is not supported");
}

}  // namespace turnpike::bench
