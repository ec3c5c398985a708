#include "turn/core/channels.hpp"

namespace turnpike::core {

void Channels::bind(stun::ChannelNumber number, const Endpoint& peer, const PolicyToken&, Instant until, HashKey key) {
    const Channel* const held = of(peer);
    if (held != nullptr && held->number == number) {
        channels_[static_cast<std::size_t>(held - channels_.data())].until = until;
        return;
    }
    // Expired bindings of either partner must not outlive this one.
    erase_if([&](const Channel& channel) { return channel.number == number || channel.peer == peer; });
    channels_.insert(lower(number.value()), Channel{number, peer, until});
    if (numbers_) {
        numbers_->emplace(peer, number);
    } else if (channels_.size() > kScanned) {
        numbers_ = std::make_unique<Numbers>(2 * channels_.size(), EndpointHash{key});
        for (const Channel& channel : channels_) numbers_->emplace(channel.peer, channel.number);
    }
}

}  // namespace turnpike::core
