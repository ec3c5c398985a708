#pragma once

#include <cstdlib>
#include <memory>
#include <vector>

#include "turn/net/path_mtus.hpp"
#include "turn/net/range_sockets.hpp"
#include "turn/net/relay_binder.hpp"
#include "turn/net/relay_engine.hpp"

namespace turnpike::net {

/// The engine that serves the whole range of relay ports with a few sockets: one receives what the
/// kernel steers to this worker, one raw socket per relay address sends. A relayed address costs
/// neither a descriptor nor memory of the kernel.
///
/// Needs CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW. What does not fit the link goes through a plain
/// UDP socket bound to the relayed address, so that the kernel fragments it, or says that it may
/// not.
///
/// Bursts of one flow go through that socket too, as one message (UDP_SEGMENT).
///
/// Threading  the owning worker; RangeSteering is the node's
class RelayRange final : public RelayEngine {
public:
    RelayRange(const Parts& parts, RangeSteering& steering, const PortProbe& probe,
               RangeSockets sockets);
    ~RelayRange() override;

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
    bool send_to_client(UdpSocket& listener, const IpAddress& from, const Outgoing& datagram,
                        const Endpoint& client, const IpFields& ip) noexcept override;
    void flush() noexcept override;
    void take(StrayDatagrams stray) override;
    void take(const StrayError& error) override;
    std::size_t size() const noexcept override { return size_; }
    Counters counters() const noexcept override;

private:
    // The socket of a relayed address that sent something larger than the link's packets, or
    // bursts.
    struct Plain {
        RelayRange* owner;
        core::RelayId id;
        UdpSocket socket;
        Endpoint with_df;  // the last peer that was sent something with DF
        Event event;       // its error queue: with DF the kernel says what would have fit
    };
    struct Relay {
        std::uint32_t generation = 0;  // RelayId's; 0: none
        std::uint16_t port = 0;
        std::uint8_t address = 0;  // index of it
        bool holds_next = false;
        std::unique_ptr<Plain> plain;
    };
    // What a port is here. All zero: nothing, so that ports that were never used cost no memory.
    struct Place {
        std::uint32_t generation = 0;  // of the RelayId; 0: not here
        std::uint32_t slot = 0;        // of the RelayId; or 1 + the worker that it moved to, or 0
    };
    struct Free {
        void operator()(Place* places) const noexcept { std::free(places); }
    };
    struct Receiver {
        RelayRange* owner;
        UdpSocket socket;
        Event event;
    };
    struct IcmpReceiver {
        RelayRange* owner;
        Family family;
        FileDescriptor fd;
        Event event;
    };

    static void on_readable(int fd, short what, void* receiver);
    static void on_icmp_readable(int fd, short what, void* receiver);
    static void on_plain_readable(int fd, short what, void* plain);
    void receive(UdpSocket& socket);
    std::span<const Datagrams> address(std::span<Datagrams> received);
    void receive_icmp(const IcmpReceiver& receiver);
    void receive_errors(Plain& plain);

    const Relay* find(core::RelayId id) const noexcept;
    Relay* find(core::RelayId id) noexcept;
    Endpoint local_of(const Relay& relay) const noexcept {
        return {senders_[relay.address].source(), relay.port};
    }
    void put(const Endpoint& local, core::RelayId id, bool holds_next);
    void send_queued(RawSender& sender) noexcept;
    void send_plain(Relay& relay, const RawSender::Queued& datagram) noexcept;
    void enqueue_plain(UdpSocket& socket, const RawSender::Queued& datagram) noexcept;
    void send_singly(RawSender& sender, std::size_t from, std::size_t to) noexcept;
    bool send_burst(RawSender& sender, std::size_t from, std::size_t to) noexcept;
    Plain* plain_of(Relay& relay, core::RelayId id, bool needed) noexcept;
    void close_plain(Relay& relay) noexcept;

    Parts parts_;
    RangeSteering& steering_;
    RelayBinder binder_;
    std::vector<RawSender> senders_;  // by relay address; then those of listeners at others
    std::unique_ptr<Place[], Free> places_;
    std::vector<Relay> slots_;  // by RelayId::slot
    std::size_t size_ = 0;
    std::vector<std::unique_ptr<Receiver>> receivers_;
    std::vector<std::unique_ptr<IcmpReceiver>> icmp_;
    std::vector<core::RelayId> plains_;  // a ring: with too many another one's is closed
    std::size_t next_plain_ = 0;
    PathMtus path_mtus_;
    std::uint64_t dropped_ = 0;
};

}  // namespace turnpike::net
