#pragma once

#include <memory>
#include <vector>

#include "turn/net/relay_binder.hpp"
#include "turn/net/relay_engine.hpp"

namespace turnpike::net {

/// The engine that needs no privilege: each relayed address has a UDP socket of its own.
///
/// Threading  the owning worker
class RelaySockets final : public RelayEngine {
public:
    explicit RelaySockets(const Parts& parts);
    ~RelaySockets() override;

    std::expected<Endpoint, core::OpenError> open(const core::OpenRelay& request,
                                                  Instant now) override;
    void close(core::RelayId id, Instant now) override;
    void end_reservation(const Endpoint& local, Instant now) override {
        binder_.end_reservation(local, now);
    }
    void end_next_of(core::RelayId id, Instant now) override;
    std::optional<MovingRelay> release(core::RelayId id, unsigned to) override;
    void adopt(MovingRelay relay, core::RelayId id) override;
    void end(MovingRelay relay, Instant now) override;
    std::optional<Endpoint> local(core::RelayId id) const noexcept override;
    void send(core::RelayId id, const Endpoint& peer, ByteView payload, const IpFields& ip,
              bool dont_fragment) noexcept override;
    bool send_to_client(UdpSocket&, const IpAddress&, const Outgoing&, const Endpoint&, const IpFields&) noexcept override {
        return false;
    }
    void flush() noexcept override {}
    // What peers sent goes along with the socket: nothing strays.
    void take(StrayDatagrams) override {}
    void take(const StrayError&) override {}
    std::size_t size() const noexcept override { return size_; }
    Counters counters() const noexcept override { return {}; }

private:
    struct Relay {
        RelaySockets* owner;
        core::RelayId id;
        UdpSocket socket;
        std::optional<Endpoint> next;
        Endpoint with_df;  // the last peer that was sent something with DF
        Event event;
    };

    static void on_readable(int fd, short what, void* relay);
    void receive(Relay& relay);
    void receive_errors(const Relay& relay);
    Relay* find(core::RelayId id) const noexcept;
    void put(std::unique_ptr<Relay> relay);

    Parts parts_;
    RelayBinder binder_;
    std::vector<std::unique_ptr<Relay>> slots_;  // by RelayId::slot
    std::size_t size_ = 0;
};

}  // namespace turnpike::net
