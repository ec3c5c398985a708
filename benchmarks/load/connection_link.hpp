#pragma once

#include <memory>
#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/connection.hpp"
#include "benchmarks/load/socket.hpp"
#include "benchmarks/load/target.hpp"

namespace turnpike::bench {

/// Clients with a connection each (TCP, TLS, DTLS), watched by one epoll.
class ConnectionLink final : public ClientLink {
public:
    ConnectionLink(const Target& target, std::uint32_t clients, Milliseconds connect_timeout);

    std::expected<void, std::string> open(std::uint32_t client) override;
    void close(std::uint32_t client) override;
    Endpoint local(std::uint32_t client) const override;
    bool reliable() const noexcept override { return target_.transport != Transport::Dtls; }
    bool send(std::uint32_t client, ByteView message) override;
    void flush() override;
    std::size_t receive(const OnMessage& on_message) override;
    int descriptor() const noexcept override { return epoll_.descriptor(); }
    std::uint64_t drops() const noexcept override;

private:
    struct Client {
        std::unique_ptr<Connection> connection;
        bool dirty = false;    // has something to flush
        bool waiting = false;  // epoll watches for room
        bool broken = false;
        bool ending = false;  // close() was called
    };

    void flush(std::uint32_t client);
    void fail(std::uint32_t client, const std::string& why);

    const Target& target_;
    std::unique_ptr<TlsContext> tls_;
    Milliseconds timeout_;
    Socket epoll_;
    std::vector<Client> clients_;
    std::vector<std::uint32_t> dirty_, ending_;
};

}  // namespace turnpike::bench
