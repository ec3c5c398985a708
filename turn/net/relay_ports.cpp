#include "turn/net/relay_ports.hpp"

#include <algorithm>

#include "common/base/assert.hpp"

namespace turnpike::net {

RelayPorts::RelayPorts(std::vector<IpAddress> addresses, std::uint16_t first, std::uint16_t last)
    : addresses_(std::move(addresses)), first_(first), count_(first > 0 && last >= first ? std::size_t{last} - first + 1 : 0) {
    bits_ = std::make_unique<std::atomic<std::uint64_t>[]>((total() + 63) / 64);
    reserved_bits_ = std::make_unique<std::atomic<std::uint64_t>[]>((total() + 63) / 64);
    released_at_ = std::make_unique<std::atomic<std::int64_t>[]>(total());
    for (std::size_t i = 0; i < total(); ++i) released_at_[i].store(kNever, std::memory_order_relaxed);
    released_ = std::make_unique<Released[]>(addresses_.size());
    for (std::size_t i = 0; i < addresses_.size(); ++i) released_[i].fresh.store(count_, std::memory_order_relaxed);
}

std::optional<std::uint16_t> RelayPorts::draw(std::size_t address, Instant now, Random& random, Parity parity) {
    return draw(address, now, random, parity == Parity::Even, false);
}

std::optional<std::uint16_t> RelayPorts::draw_pair(std::size_t address, Instant now, Random& random) {
    const auto even = draw(address, now, random, true, true);
    if (even) reserve(address * count_ + *even - first_ + 1);
    return even;
}

std::optional<std::uint16_t> RelayPorts::draw(std::size_t address, Instant now, Random& random, bool even, bool pair) {
    TURNPIKE_ASSERT(address < addresses_.size());
    if (count_ == 0) return {};
    const std::size_t base = address * count_;
    const auto suits = [&](std::size_t i) { return (!even || (first_ + i) % 2 == 0) && (!pair || i + 1 < count_); };
    const auto port = [&](std::size_t i) { return static_cast<std::uint16_t>(first_ + i); };

    // Usually most ports are free: a few throws find one.
    constexpr int kThrows = 16;
    for (int i = 0; i < kThrows; ++i) {
        const std::size_t at = random.below(static_cast<std::uint32_t>(count_));
        if (suits(at) && take_for_draw(base + at, pair, now, kRest)) return port(at);
    }
    // Nearly all are taken or resting.
    const auto suits_slot = [&](std::size_t slot) { return suits(slot - base); };
    auto slot = draw_fresh(address, pair, now, random, suits_slot);
    if (!slot) slot = draw_released(address, pair, now, suits_slot);
    if (!slot) return {};
    return port(*slot - base);
}

// One that nobody ever had, from a random place on.
template <typename Suits>
std::optional<std::size_t> RelayPorts::draw_fresh(std::size_t address, bool pair, Instant now, Random& random, Suits&& suits) {
    if (released_[address].fresh.load(std::memory_order_relaxed) == 0) return {};
    const std::size_t base = address * count_, start = random.below(static_cast<std::uint32_t>(count_));
    for (std::size_t i = 0; i < count_; ++i) {
        const std::size_t slot = base + (start + i) % count_;
        // A word of 64 ports that are all taken is passed at once.
        if (slot % 64 == 0 && slot + 64 <= base + count_ && bits_[slot / 64].load(std::memory_order_relaxed) == UINT64_MAX) {
            i += 63;
            continue;
        }
        if (taken(slot) || released_at_[slot].load(std::memory_order_relaxed) != kNever || !suits(slot)) continue;
        if (take_for_draw(slot, pair, now, kRest)) return slot;
    }
    return {};
}

// The one that rested longest, if that was long enough.
template <typename Suits>
std::optional<std::size_t> RelayPorts::draw_released(std::size_t address, bool pair, Instant now, Suits&& suits) {
    Released& released = released_[address];
    const std::lock_guard lock{released.mutex};
    std::deque<Released::Port>& queue = released.queue;
    for (std::size_t i = 0; i < queue.size();) {
        const Released::Port port = queue[i];
        if (i == 0 && !still_free(port)) {
            queue.pop_front();
            continue;
        }
        if (now.time_since_epoch().count() - port.at < Nanoseconds{kRestMin}.count()) return {};
        // Of a pair this may be the one or the other.
        for (std::size_t before = 0; before <= (pair && port.slot > address * count_ ? 1U : 0U); ++before) {
            const std::size_t slot = port.slot - before;
            if (still_free(port) && suits(slot) && take_for_draw(slot, pair, now, kRestMin)) return slot;
        }
        ++i;
    }
    return {};
}

bool RelayPorts::claim(const Endpoint& local) noexcept {
    const auto slot = slot_of(local);
    return slot && take(*slot);
}

bool RelayPorts::claim_reserved(const Endpoint& local) noexcept {
    const auto slot = slot_of(local);
    return slot && unreserve(*slot);
}

void RelayPorts::release(const Endpoint& local, Instant now) noexcept {
    const auto slot = slot_of(local);
    TURNPIKE_ASSERT(slot && taken(*slot));
    unreserve(*slot);
    const std::int64_t at = now.time_since_epoch().count();
    released_at_[*slot].store(at, std::memory_order_relaxed);
    give_back(*slot);
    Released& released = released_[*slot / count_];
    const std::lock_guard lock{released.mutex};
    if (released.queue.size() >= 2 * count_) std::erase_if(released.queue, [this](const auto& port) { return !still_free(port); });
    released.queue.push_back({*slot, at});
}

RelayPorts::Census RelayPorts::census(Instant now) const noexcept {
    Census census;
    census.total = total();
    for (std::size_t slot = 0; slot < census.total; ++slot) {
        if (taken(slot)) ++(reserved(slot) ? census.reserved : census.used);
        else if (!rested(slot, now, kRest)) ++census.quarantined;
        else ++census.free;
    }
    return census;
}

std::optional<std::size_t> RelayPorts::slot_of(const Endpoint& local) const noexcept {
    if (local.port < first_ || local.port - first_ >= static_cast<int>(count_)) return {};
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i] == local.address) return i * count_ + local.port - first_;
    }
    return {};
}

bool RelayPorts::taken(std::size_t slot) const noexcept {
    return (bits_[slot / 64].load(std::memory_order_relaxed) >> (slot % 64)) & 1;
}

bool RelayPorts::reserved(std::size_t slot) const noexcept {
    return (reserved_bits_[slot / 64].load(std::memory_order_relaxed) >> (slot % 64)) & 1;
}

void RelayPorts::reserve(std::size_t slot) noexcept {
    reserved_bits_[slot / 64].fetch_or(std::uint64_t{1} << (slot % 64), std::memory_order_relaxed);
    used_.fetch_sub(1, std::memory_order_relaxed);
    reserved_.fetch_add(1, std::memory_order_relaxed);
}

bool RelayPorts::unreserve(std::size_t slot) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if (!(reserved_bits_[slot / 64].fetch_and(~bit, std::memory_order_relaxed) & bit)) return false;
    reserved_.fetch_sub(1, std::memory_order_relaxed);
    used_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool RelayPorts::take(std::size_t slot) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    // acquire: what release() wrote of this port is seen.
    if (bits_[slot / 64].fetch_or(bit, std::memory_order_acquire) & bit) return false;
    used_.fetch_add(1, std::memory_order_relaxed);
    if (released_at_[slot].load(std::memory_order_relaxed) == kNever) released_[slot / count_].fresh.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

void RelayPorts::give_back(std::size_t slot) noexcept {
    used_.fetch_sub(1, std::memory_order_relaxed);
    if (released_at_[slot].load(std::memory_order_relaxed) == kNever) released_[slot / count_].fresh.fetch_add(1, std::memory_order_relaxed);
    bits_[slot / 64].fetch_and(~(std::uint64_t{1} << (slot % 64)), std::memory_order_release);
}

bool RelayPorts::rested(std::size_t slot, Instant now, Seconds at_least) const noexcept {
    const std::int64_t since = released_at_[slot].load(std::memory_order_relaxed);
    return since == kNever || now.time_since_epoch().count() - since >= Nanoseconds{at_least}.count();
}

bool RelayPorts::take_for_draw(std::size_t slot, bool pair, Instant now, Seconds rest) noexcept {
    const auto take_rested = [&](std::size_t one) {
        if (!rested(one, now, rest) || !take(one)) return false;
        if (rested(one, now, rest)) return true;
        give_back(one);  // it was used and released in between
        return false;
    };
    if (!take_rested(slot)) return false;
    if (!pair || take_rested(slot + 1)) return true;
    give_back(slot);
    return false;
}

}  // namespace turnpike::net
