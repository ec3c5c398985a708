// What happens to each packet: no heap, no lock, no log, and at most two hash look-ups; tables of
// a relay's slots and of channel numbers are arrays.

#include "turn/core/machine.hpp"

namespace turnpike::core {

// What the allocation may move per second, both directions together.
bool Machine::within_rates(Allocation& allocation, std::size_t size, Instant now) noexcept {
    if (!allocation.rates) return true;
    if (!allocation.rates->packets.take(1, now)) {
        ++counters_.dropped_packet_rate;
        return false;
    }
    if (!allocation.rates->bandwidth.take(static_cast<double>(size), now)) {
        ++counters_.dropped_bandwidth;
        return false;
    }
    return true;
}

void Machine::count_to_peer(Allocation& allocation, std::size_t size) noexcept {
    for (Traffic* traffic : {&allocation.traffic, &counters_.traffic}) {
        ++traffic->packets_to_peer;
        traffic->bytes_to_peer += size;
    }
}

// RFC 8656 §12.6: ChannelData from the client. Look-ups: 5-tuple, permission.
std::optional<ToPeer> Machine::to_peer(const FiveTuple& tuple, const stun::ChannelDataView& data,
                                       Instant now) noexcept {
    Allocation* allocation = table_.find(tuple);
    if (allocation == nullptr || allocation->expires_at <= now) {
        ++counters_.dropped_no_allocation;
        return {};
    }
    const Channels::Channel* channel = allocation->channels.find(data.channel, now);
    if (channel == nullptr) {
        ++counters_.dropped_no_channel;
        return {};
    }
    if (!allocation->permissions.live(channel->peer.address, now)) {
        ++counters_.dropped_no_permission;
        return {};
    }
    const Relayed* relayed = allocation->relayed_of(channel->peer.address.family());
    if (relayed == nullptr) {
        ++counters_.dropped_no_allocation;
        return {};
    }
    const auto destination = shared_.relays.destination(channel->peer);
    if (!destination) {
        ++counters_.dropped_not_live;
        return {};
    }
    if (!within_rates(*allocation, data.data.size(), now)) return {};
    count_to_peer(*allocation, data.data.size());
    return ToPeer{relayed->relay, destination->endpoint, destination->home, allocation->is_next(tuple)};
}

// RFC 8656 §12.7 and §11.3: a datagram at the relayed address. Look-ups: permission, channel.
std::optional<ToClient> Machine::to_client(RelayId relay, const Endpoint& peer, std::size_t size,
                                           Instant now) noexcept {
    Allocation* allocation = slots_.find(relay);
    if (allocation == nullptr || allocation->expires_at <= now) {
        ++counters_.dropped_no_allocation;
        return {};
    }
    const Endpoint source = shared_.relays.to_external(peer);
    if (!allocation->permissions.live(source.address, now)) {
        ++counters_.dropped_no_permission;
        return {};
    }
    if (!within_rates(*allocation, size, now)) return {};
    for (Traffic* traffic : {&allocation->traffic, &counters_.traffic}) {
        ++traffic->packets_to_client;
        traffic->bytes_to_client += size;
    }
    return ToClient{&allocation->path, allocation->channels.number_of(source, now), source};
}

}  // namespace turnpike::core
