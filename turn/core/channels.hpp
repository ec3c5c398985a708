#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <optional>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"
#include "turn/core/peer_policy.hpp"
#include "turn/stun/channel_data.hpp"

namespace turnpike::core {

struct EndpointHash {
    using is_avalanching = void;
    HashKey key;
    std::size_t operator()(const Endpoint& endpoint) const noexcept {
        std::array<std::uint8_t, 18> raw;
        std::memcpy(raw.data(), endpoint.address.raw().data(), 16);
        store_u16(raw, 16, endpoint.port);
        return static_cast<std::size_t>(key(raw));
    }
};

/// The channel bindings of one allocation: a number names one peer and a peer has one number, each
/// until its expiry.
///
/// A channel is a short name for its peer, not a right to reach it: data passes in either direction only
/// while the peer's permission lives too. ChannelBind installs that permission, which lasts five
/// minutes where the channel lasts ten; neither Send nor ChannelData refreshes either
/// (RFC 8656 §9, §12; docs/decisions/0003).
///
/// Numbers are found by bisection. Peers are looked through; beyond kScanned an index finds them.
///
/// Source  RFC 8656 §12
class Channels {
public:
    static constexpr std::size_t kScanned = 8;

    struct Channel {
        stun::ChannelNumber number;
        Endpoint peer;  // external form
        Instant until;
    };

    const Channel* find(std::uint16_t number, Instant now) const noexcept {
        const auto at = lower(number);
        if (at == channels_.end() || at->number.value() != number || at->until <= now) return nullptr;
        return &*at;
    }
    /// The peer's number; 0 when it has none.
    stun::ChannelNumber number_of(const Endpoint& peer, Instant now) const noexcept {
        const Channel* const channel = of(peer);
        return channel == nullptr || channel->until <= now ? stun::ChannelNumber{} : channel->number;
    }
    /// Whether §12.2 lets `number` and `peer` be bound to each other: neither has another partner.
    bool may_bind(stun::ChannelNumber number, const Endpoint& peer, Instant now) const noexcept {
        const Channel* bound = find(number.value(), now);
        if (bound != nullptr && bound->peer != peer) return false;
        const stun::ChannelNumber held = number_of(peer, now);
        return !held || held == number;
    }
    /// Binds or refreshes. may_bind() has said yes, and the policy gave the token for `peer`. `key` is the
    /// index's.
    void bind(stun::ChannelNumber number, const Endpoint& peer, const PolicyToken&, Instant until, HashKey key);

    std::size_t size() const noexcept { return channels_.size(); }
    /// Drops those that have expired; when the next one will.
    std::optional<Instant> sweep(Instant now) {
        std::optional<Instant> next;
        erase_if([&](const Channel& channel) {
            if (channel.until <= now) return true;
            if (!next || channel.until < *next) next = channel.until;
            return false;
        });
        return next;
    }
    /// Drops those for which gone(channel); how many.
    template <typename Gone>
    std::size_t erase_if(Gone&& gone) {
        const auto end = std::remove_if(channels_.begin(), channels_.end(), [&](const Channel& channel) {
            if (!gone(channel)) return false;
            if (numbers_) numbers_->erase(channel.peer);
            return true;
        });
        const auto dropped = static_cast<std::size_t>(channels_.end() - end);
        if (dropped == 0) return 0;
        channels_.erase(end, channels_.end());
        if (channels_.size() <= 1) channels_.shrink_to_fit();
        if (channels_.size() <= kScanned) numbers_.reset();
        return dropped;
    }
    template <typename Each>
    void for_each(Each&& each) const {
        for (const Channel& channel : channels_) each(channel);
    }

private:
    using List = boost::container::small_vector<Channel, 1>;
    using Numbers = boost::unordered_flat_map<Endpoint, stun::ChannelNumber, EndpointHash>;

    List::const_iterator lower(std::uint16_t number) const noexcept {
        return std::ranges::lower_bound(channels_, number, {}, [](const Channel& c) { return c.number.value(); });
    }
    /// The channel of a peer, live or not.
    const Channel* of(const Endpoint& peer) const noexcept {
        if (numbers_) {
            const auto found = numbers_->find(peer);
            return found == numbers_->end() ? nullptr : &*lower(found->second.value());
        }
        for (const Channel& channel : channels_) {
            if (channel.peer == peer) return &channel;
        }
        return nullptr;
    }

    List channels_;                     // by number
    std::unique_ptr<Numbers> numbers_;  // while there are more than kScanned
};

}  // namespace turnpike::core
