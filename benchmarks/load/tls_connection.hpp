#pragma once

#include <memory>

#include "benchmarks/load/stream_connection.hpp"

struct ssl_st;

namespace turnpike::bench {

/// TURN over TLS. The certificate is checked against the system's authorities and the server's name,
/// unless the target is insecure.
class TlsConnection final : public StreamConnection {
public:
    static std::expected<std::unique_ptr<Connection>, std::string> open(Socket socket, const Target& target,
                                                                        Milliseconds timeout);
    ~TlsConnection() override;

protected:
    Transfer read_some(ByteSpan into) override;
    Transfer write_some(ByteView from) override;

private:
    TlsConnection(Socket socket, Endpoint server, ssl_st* ssl) : StreamConnection(std::move(socket), server), ssl_(ssl) {}
    Transfer outcome_of(int result, std::size_t size) const;

    ssl_st* ssl_;
};

}  // namespace turnpike::bench
