#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <vector>

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
/// Source  RFC 8656 §12
class Channels {
public:
    struct Channel {
        stun::ChannelNumber number;
        Endpoint peer;  // external form
        Instant until;
    };

    explicit Channels(HashKey key) : numbers_(0, EndpointHash{key}) {}

    const Channel* find(std::uint16_t number, Instant now) const noexcept {
        const auto at = lower(number);
        if (at == channels_.end() || at->number.value() != number || at->until <= now) return nullptr;
        return &*at;
    }
    /// The peer's number; 0 when it has none.
    stun::ChannelNumber number_of(const Endpoint& peer, Instant now) const noexcept {
        const auto found = numbers_.find(peer);
        if (found == numbers_.end() || find(found->second.value(), now) == nullptr) return {};
        return found->second;
    }
    /// Whether §12.2 lets `number` and `peer` be bound to each other: neither has another partner.
    bool may_bind(stun::ChannelNumber number, const Endpoint& peer, Instant now) const noexcept {
        const Channel* bound = find(number.value(), now);
        if (bound != nullptr && bound->peer != peer) return false;
        const stun::ChannelNumber held = number_of(peer, now);
        return !held || held == number;
    }
    /// Binds or refreshes. may_bind() has said yes, and the policy gave the token for `peer`.
    void bind(stun::ChannelNumber number, const Endpoint& peer, const PolicyToken&, Instant until);

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
    template <typename Gone>
    void erase_if(Gone&& gone) {
        std::erase_if(channels_, [&](const Channel& channel) {
            if (!gone(channel)) return false;
            forget_number(channel);
            return true;
        });
    }
    template <typename Each>
    void for_each(Each&& each) const {
        for (const Channel& channel : channels_) each(channel);
    }

private:
    std::vector<Channel>::const_iterator lower(std::uint16_t number) const noexcept {
        return std::ranges::lower_bound(channels_, number, {}, [](const Channel& c) { return c.number.value(); });
    }
    void forget_number(const Channel& channel) {
        const auto found = numbers_.find(channel.peer);
        if (found != numbers_.end() && found->second == channel.number) numbers_.erase(found);
    }

    std::vector<Channel> channels_;  // by number
    boost::unordered_flat_map<Endpoint, stun::ChannelNumber, EndpointHash> numbers_;
};

}  // namespace turnpike::core
