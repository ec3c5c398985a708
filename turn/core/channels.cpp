#include "turn/core/channels.hpp"

namespace turnpike::core {

void Channels::bind(stun::ChannelNumber number, const Endpoint& peer, const PolicyToken&, Instant until) {
    // An expired binding of the peer to another number must not outlive this one.
    const auto held = numbers_.find(peer);
    if (held != numbers_.end() && held->second != number) {
        const stun::ChannelNumber old = held->second;
        erase_if([&](const Channel& channel) { return channel.number == old; });
    }
    const auto at = channels_.begin() + (lower(number.value()) - channels_.cbegin());
    if (at != channels_.end() && at->number == number) {
        if (at->peer != peer) forget_number(*at);
        at->peer = peer;
        at->until = until;
    } else {
        channels_.insert(at, Channel{number, peer, until});
    }
    numbers_.insert_or_assign(peer, number);
}

}  // namespace turnpike::core
