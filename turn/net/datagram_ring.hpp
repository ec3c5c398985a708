#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "turn/core/path.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// Datagrams from the relayed addresses of one worker to those of another, in fixed memory: one writer, one
/// reader, no lock. What is read stays where it is, and may be borrowed by the transmit queue, until recycle().
///
/// Memory that was never needed is never backed by pages.
///
/// Threading  push() the writing worker; the rest the reading one
class DatagramRing {
public:
    static constexpr std::size_t kSlots = 512;
    static constexpr std::size_t kPayloadMax = 1'952;  // more than a path carries; what is longer takes the kernel's way

    struct Item {
        core::RelayId to;
        Endpoint from;  // the relayed address that it comes from, local form
        IpFields ip;
        ByteView payload;
    };

    DatagramRing();

    /// A copy of it goes to the reader; false when the ring is full. payload.size() ≤ kPayloadMax.
    bool push(core::RelayId to, const Endpoint& from, const IpFields& ip, ByteView payload) noexcept;

    /// The next one, in order; nothing when there is none.
    std::optional<Item> next() noexcept;
    /// What was read is forgotten, and its memory the writer's again.
    void recycle() noexcept { tail_.store(read_, std::memory_order_release); }

private:
    struct alignas(64) Slot {
        core::RelayId to;
        Endpoint from;
        IpFields ip;
        std::uint16_t size;
        std::uint8_t bytes[kPayloadMax];
    };

    std::unique_ptr<Slot[]> slots_;
    alignas(64) std::atomic<std::uint64_t> head_{0};  // written so far
    alignas(64) std::atomic<std::uint64_t> tail_{0};  // free again so far
    std::uint64_t read_ = 0;                          // the reader's
};

}  // namespace turnpike::net
