#include "turn/net/relay_sockets.hpp"

#include "common/base/assert.hpp"

namespace turnpike::net {
namespace {

constexpr int kBatchesPerWake = 4;      // of one socket, before the others get their turn
constexpr std::size_t kPeerBatch = 16;  // a relayed address seldom has more than a few waiting
constexpr int kErrorsPerWake = 32;      // of one relayed address

std::expected<UdpSocket, int> open_relay_socket(const Endpoint& local) {
    return open_udp(local, {.errors = true, .together = true});
}

}  // namespace

RelaySockets::RelaySockets(const Parts& parts)
    : parts_(parts), binder_(parts.ports, parts.reserved, parts.random, &open_relay_socket) {}

RelaySockets::~RelaySockets() {
    for (const auto& relay : slots_) {
        if (relay) parts_.directory.set_ended(relay->socket.local);
    }
}

std::expected<Endpoint, core::OpenError> RelaySockets::open(const core::OpenRelay& request,
                                                            Instant now) {
    auto bound = binder_.bind(request, now);
    if (!bound) return std::unexpected{bound.error()};
    if (request.reserved) hear(*bound);
    auto relay = std::make_unique<Relay>();
    relay->id = request.relay;
    relay->socket = std::move(*bound);
    const Endpoint local = relay->socket.local;
    if (request.reserve_next) relay->next = RelayBinder::next_of(local);
    put(std::move(relay));
    return local;
}

void RelaySockets::close(core::RelayId id, Instant now) {
    if (auto relay = release(id, parts_.worker)) end(std::move(*relay), now);
}

void RelaySockets::end_next_of(core::RelayId id, Instant now) {
    const Relay* const relay = find(id);
    if (relay != nullptr && relay->next) end_reservation(*relay->next, now);
}

void RelaySockets::end(MovingRelay relay, Instant now) {
    const Endpoint local = relay.socket.local;
    parts_.directory.set_ended(local);
    relay.socket.fd.reset();
    binder_.release(local, now);
}

RelaySockets::Relay* RelaySockets::find(core::RelayId id) const noexcept {
    if (id.slot >= slots_.size() || !slots_[id.slot] || slots_[id.slot]->id != id) return nullptr;
    return slots_[id.slot].get();
}

std::optional<MovingRelay> RelaySockets::release(core::RelayId id, unsigned) {
    Relay* const relay = find(id);
    if (relay == nullptr) return {};
    parts_.transmit.flush(relay->socket);
    relay->event = {};
    // What is for it waits in its socket until it has arrived.
    parts_.directory.set_live(relay->socket.local, {});
    MovingRelay moving{std::move(relay->socket), relay->next};
    slots_[id.slot].reset();
    --size_;
    return moving;
}

void RelaySockets::adopt(MovingRelay moving, core::RelayId id) {
    auto relay = std::make_unique<Relay>();
    relay->id = id;
    relay->socket = std::move(moving.socket);
    relay->next = moving.next;
    put(std::move(relay));
}

void RelaySockets::put(std::unique_ptr<Relay> relay) {
    const std::uint32_t slot = relay->id.slot;
    TURNPIKE_ASSERT(slot < (1U << 24));
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    TURNPIKE_ASSERT(!slots_[slot]);
    relay->owner = this;
    relay->event = Event::readable(parts_.loop, relay->socket.fd.get(), &on_readable, relay.get());
    relay->event.start();
    parts_.directory.set_live(relay->socket.local, core::RelayHome{parts_.worker, relay->id});
    slots_[slot] = std::move(relay);
    ++size_;
}

std::optional<Endpoint> RelaySockets::local(core::RelayId id) const noexcept {
    const Relay* const relay = find(id);
    if (relay == nullptr) return {};
    return relay->socket.local;
}

void RelaySockets::send(core::RelayId id, const Endpoint& peer, ByteView payload,
                        const IpFields& ip, bool dont_fragment) noexcept {
    Relay* const relay = find(id);
    if (relay == nullptr) return;
    UdpSocket& socket = relay->socket;
    TransmitQueue& transmit = parts_.transmit;
    if (!dont_fragment) {
        transmit.enqueue(socket, {.payload = payload}, peer, ip, socket.local.address);
        return;
    }
    relay->with_df = peer;
    // DF is the socket's, not the datagram's: what waits leaves without it first.
    transmit.flush(socket);
    set_dont_fragment(socket, true);
    transmit.enqueue(socket, {.payload = payload}, peer, ip, socket.local.address);
    transmit.flush(socket);
    set_dont_fragment(socket, false);
}

void RelaySockets::on_readable(int, short, void* relay) {
    auto& r = *static_cast<Relay*>(relay);
    r.owner->receive(r);
}

void RelaySockets::receive(Relay& relay) {
    DatagramReader& reader = parts_.reader;
    for (int batch = 0; batch < kBatchesPerWake; ++batch) {
        if (reader.free_slots() < kPeerBatch) parts_.sink.make_room();
        const auto received = reader.read(relay.socket, kPeerBatch);
        // Readable without a datagram: an error waits, and has to go, or the loop would spin on it.
        if (received.empty()) {
            receive_errors(relay);
            return;
        }
        for (Datagrams& datagrams : received) datagrams.relay = relay.id;
        parts_.sink.on_peer_datagrams(received);
        if (received.size() < kPeerBatch) return;
    }
}

// ICMP about what was sent from this relayed address. Several at once about the same thing are one.
void RelaySockets::receive_errors(const Relay& relay) {
    std::optional<PeerError> last;
    for (int i = 0; i < kErrorsPerWake; ++i) {
        const auto error = next_error(relay.socket);
        if (!error) return;
        if (!*error) continue;
        const PeerError told = (*error)->completed(relay.with_df);
        if (last == told) continue;
        last = told;
        parts_.sink.on_peer_error(relay.id, *last);
    }
}

}  // namespace turnpike::net
