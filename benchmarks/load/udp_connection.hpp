#pragma once

#include "benchmarks/load/connection.hpp"
#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {

/// A connected UDP socket.
class UdpConnection final : public Connection {
public:
    UdpConnection(Socket socket, Endpoint server) : socket_(std::move(socket)), server_(server) {}

    int descriptor() const noexcept override { return socket_.descriptor(); }
    bool wants_write() const noexcept override { return full_; }
    bool send(ByteView message) override;
    std::expected<void, std::string> receive(const OnMessage& on_message) override;
    std::expected<void, std::string> flush() override;
    std::uint64_t receive_drops() const noexcept override { return drops_; }

private:
    Socket socket_;
    Endpoint server_;
    std::string error_;
    bool full_ = false;
    std::uint64_t drops_ = 0;
};

}  // namespace turnpike::bench
