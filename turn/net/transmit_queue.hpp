#pragma once

#include <memory>
#include <vector>

#include "common/base/bytes.hpp"
#include "turn/net/outgoing.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A worker's outgoing datagrams of one wake, over all its UDP sockets; flush() sends each
/// socket's with one sendmmsg. Datagrams of one size that follow each other to one destination are one message of it,
/// which the kernel or the network card cuts up (UDP_SEGMENT).
///
/// What cannot be sent now is dropped and counted, as UDP may be: a full socket buffer, an
/// unreachable peer, a datagram that is too long.
///
/// Lifetime   borrows payloads and sockets until flush() or flush(socket)
/// Threading  the owning worker
class TransmitQueue {
public:
    static constexpr std::size_t kCapacity = 256;

    TransmitQueue();
    ~TransmitQueue();
    TransmitQueue(const TransmitQueue&) = delete;
    TransmitQueue& operator=(const TransmitQueue&) = delete;

    /// `from` is the source address where the socket is bound to every one.
    void enqueue(UdpSocket& socket, const Outgoing& datagram, const Endpoint& to, const IpFields& ip,
                 const IpAddress& from) noexcept;
    /// The same for a payload that does not live until the flush.
    void enqueue_copy(UdpSocket& socket, const Outgoing& datagram, const Endpoint& to, const IpFields& ip,
                      const IpAddress& from) noexcept;
    void flush() noexcept;
    /// Sends what waits for this socket; afterwards the socket may be closed or moved.
    void flush(UdpSocket& socket) noexcept;

    std::uint64_t sent = 0, dropped = 0;

private:
    struct Entry;
    struct Headers;

    void send_queued(UdpSocket& socket) noexcept;
    bool follows(const Entry& first, std::size_t together, const Entry& next) const noexcept;
    void send(UdpSocket& socket) noexcept;
    void send_singly(UdpSocket& socket, std::size_t message) noexcept;

    std::unique_ptr<Entry[]> entries_;
    std::unique_ptr<Headers> headers_;
    std::vector<UdpSocket*> dirty_;  // sockets with entries
    std::uint16_t used_ = 0;
    std::unique_ptr<std::uint8_t[]> copies_;
    std::size_t copied_ = 0;
};

}  // namespace turnpike::net
