#pragma once

#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/datagram_port.hpp"

namespace turnpike::bench {

/// Clients that reach their peers straight, through whatever routes in between: what a relay's latency is compared with.
/// Of the ChannelData that they are given, they send the payload.
class DirectLink final : public ClientLink {
public:
    DirectLink(std::unique_ptr<DatagramPort> port, const DatagramPort& peers, std::uint32_t clients) : port_(std::move(port)) {
        for (std::uint32_t i = 0; i < clients; ++i) peers_.push_back(SocketName{peers.local(i)});
    }

    std::expected<void, std::string> open(std::uint32_t) override { return {}; }
    void close(std::uint32_t) override {}
    Endpoint local(std::uint32_t client) const override { return port_->local(client); }
    bool reliable() const noexcept override { return false; }
    bool send(std::uint32_t client, ByteView message) override {
        constexpr std::size_t kChannelDataHeader = 4;
        port_->send(client, peers_[client], message.subspan(kChannelDataHeader));
        return true;
    }
    void flush() override { port_->flush(); }
    std::size_t receive(const OnMessage& on_message) override {
        return port_->receive([&](std::uint32_t client, SocketName&, ByteView bytes) { on_message(client, bytes); });
    }
    int descriptor() const noexcept override { return port_->descriptor(); }
    std::uint64_t drops() const noexcept override { return port_->drops() + port_->refused(); }

private:
    std::unique_ptr<DatagramPort> port_;
    std::vector<SocketName> peers_;
};

}  // namespace turnpike::bench
