#pragma once

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/datagram_port.hpp"

namespace turnpike::bench {

/// Clients over plain UDP, all of them on a few sockets.
class DatagramLink final : public ClientLink {
public:
    DatagramLink(std::unique_ptr<DatagramPort> port, const Endpoint& server)
        : port_(std::move(port)), server_(server), server_name_(server) {}

    std::expected<void, std::string> open(std::uint32_t) override { return {}; }
    void close(std::uint32_t) override {}
    Endpoint local(std::uint32_t client) const override { return port_->local(client); }
    bool reliable() const noexcept override { return false; }
    bool send(std::uint32_t client, ByteView message) override {
        port_->send(client, server_name_, message);
        return true;
    }
    bool send_burst(std::uint32_t client, ByteView messages, std::size_t segment) override {
        port_->send(client, server_name_, messages, segment);
        return true;
    }
    void flush() override { port_->flush(); }
    std::size_t receive(const OnMessage& on_message) override;
    int descriptor() const noexcept override { return port_->descriptor(); }
    std::uint64_t drops() const noexcept override { return port_->drops() + port_->refused(); }
    void watch_errors(bool on) override { port_->watch_errors(on); }
    std::string failure() override;

private:
    std::unique_ptr<DatagramPort> port_;
    Endpoint server_;
    SocketName server_name_;
};

}  // namespace turnpike::bench
