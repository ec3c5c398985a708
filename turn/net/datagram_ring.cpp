#include "turn/net/datagram_ring.hpp"

#include <cstring>

#include "common/base/assert.hpp"

namespace turnpike::net {

// Not make_unique, which would write to all of it.
DatagramRing::DatagramRing() : slots_(new Slot[kSlots]) {}

bool DatagramRing::push(core::RelayId to, const Endpoint& from, const IpFields& ip, ByteView payload) noexcept {
    TURNPIKE_ASSERT(payload.size() <= kPayloadMax);
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    if (at - tail_.load(std::memory_order_acquire) == kSlots) return false;
    Slot& slot = slots_[at % kSlots];
    slot.to = to;
    slot.from = from;
    slot.ip = ip;
    slot.size = static_cast<std::uint16_t>(payload.size());
    if (!payload.empty()) std::memcpy(slot.bytes, payload.data(), payload.size());
    head_.store(at + 1, std::memory_order_release);
    return true;
}

std::optional<DatagramRing::Item> DatagramRing::next() noexcept {
    if (read_ == head_.load(std::memory_order_acquire)) return {};
    Slot& slot = slots_[read_++ % kSlots];
    return Item{slot.to, slot.from, slot.ip, {slot.bytes, slot.size}};
}

}  // namespace turnpike::net
