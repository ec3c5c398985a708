#pragma once

#include <memory>
#include <span>

#include "common/base/bytes.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// A received datagram. kHeadroom writable bytes lie before the payload and kTailroom behind it, so
/// that a header is prepended and padding appended in place.
struct Datagram {
    static constexpr std::size_t kHeadroom = 48;  // Data indication to an IPv6 peer: 20 + 24 + 4
    static constexpr std::size_t kTailroom = 4;

    ByteSpan payload;
    Endpoint source;
    IpAddress destination;  // the address of ours that it was sent to
    IpFields ip;
};

/// A worker's receive memory: a fixed row of slots, each for a datagram of any size. What is read
/// stays where it is, and may be borrowed by the transmit queue, until recycle().
///
/// Memory that small datagrams do not touch is never backed by pages.
///
/// Threading  the owning worker
class DatagramReader {
public:
    static constexpr std::size_t kBatchMax = 64;
    static constexpr std::size_t kSlots = 256;
    static constexpr std::size_t kSlotBytes = 65'600;  // payload; a stream's longest frame has 65,552

    DatagramReader();
    ~DatagramReader();
    DatagramReader(const DatagramReader&) = delete;
    DatagramReader& operator=(const DatagramReader&) = delete;

    /// One recvmmsg of at most `count` (≤ kBatchMax) datagrams. Fewer than asked: the socket is dry. The
    /// result is good until the next read, its payloads until recycle().
    std::span<Datagram> read(UdpSocket& socket, std::size_t count) noexcept;
    /// A whole slot for other bytes that must live as long: stream reads, control messages. kHeadroom is in front.
    ByteSpan take_slot() noexcept;

    std::size_t free_slots() const noexcept { return kSlots - used_; }
    /// Everything that was read is forgotten.
    void recycle() noexcept { used_ = 0; }

    std::uint64_t datagrams = 0;  // received
    std::uint64_t overflows = 0;  // the kernel dropped, receive buffer full

private:
    struct Headers;

    std::uint8_t* slot(std::size_t index) noexcept;

    std::unique_ptr<std::uint8_t[]> memory_;
    std::unique_ptr<Headers> headers_;
    std::size_t used_ = 0;
};

}  // namespace turnpike::net
