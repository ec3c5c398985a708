#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "common/base/bytes.hpp"
#include "turn/core/path.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// What was received at once: a datagram, or several of one sender that came together, all of one size but the
/// last (UDP_GRO).
struct Datagrams {
    ByteSpan bytes;
    std::size_t size = 0;  // of each one; 0: there is one, and it is empty
    Endpoint source;
    IpAddress destination;  // the address of ours that it was sent to
    std::uint16_t destination_port = 0;  // where the socket is `addressed`
    IpFields ip;
    core::RelayId relay;  // a peer's: the relayed address that it was sent to (RelayEngine)

    std::size_t count() const noexcept { return size == 0 ? 1 : (bytes.size() + size - 1) / size; }
    template <typename Each>
    void for_each(Each&& each) const {
        if (size == 0) each(bytes);
        for (std::size_t at = 0; at < bytes.size(); at += size) each(bytes.subspan(at, std::min(size, bytes.size() - at)));
    }
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
    static constexpr std::size_t kSlotBytes = 65'600;  // a stream's longest frame has 65,552

    DatagramReader();
    ~DatagramReader();
    DatagramReader(const DatagramReader&) = delete;
    DatagramReader& operator=(const DatagramReader&) = delete;

    /// One recvmmsg of at most `count` (≤ kBatchMax) receptions. Fewer than asked: the socket is dry. The
    /// result is good until the next read, its bytes until recycle().
    std::span<Datagrams> read(UdpSocket& socket, std::size_t count) noexcept;
    /// A whole slot for other bytes that must live as long: stream reads, control messages.
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
