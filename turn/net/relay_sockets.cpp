#include "turn/net/relay_sockets.hpp"

#include <cerrno>

#include "common/base/assert.hpp"
#include "turn/net/descriptor_limit.hpp"
#include "turn/net/open_error.hpp"

namespace turnpike::net {
namespace {

// How often a port that another process holds makes us draw again.
constexpr int kBindAttempts = 64;

Endpoint next_of(const Endpoint& local) noexcept {
    return {local.address, static_cast<std::uint16_t>(local.port + 1)};
}

}  // namespace

RelaySockets::RelaySockets(const EventLoop& loop, RelayPorts& ports, ReservedSockets& reserved,
                           core::RelayDirectory& directory, Random& random, unsigned worker, Event::Callback readable,
                           void* owner)
    : loop_(loop), ports_(ports), reserved_(reserved), directory_(directory), random_(random), worker_(worker), readable_(readable),
      owner_(owner) {}

RelaySockets::~RelaySockets() {
    for (const auto& relay : slots_) {
        if (relay) directory_.set_ended(relay->socket.local);
    }
}

std::expected<Endpoint, core::OpenError> RelaySockets::open(const core::OpenRelay& request, Instant now) {
    auto bound = !request.exact     ? bind(request, now)
                 : request.reserved ? take_reserved(*request.exact)
                                    : bind_exact(*request.exact, now);
    if (!bound) return std::unexpected{bound.error()};
    auto relay = std::make_unique<RelaySocket>();
    relay->id = request.relay;
    relay->socket = std::move(*bound);
    const Endpoint local = relay->socket.local;
    if (request.reserve_next) relay->next = next_of(local);
    put(std::move(relay));
    return local;
}

std::expected<UdpSocket, core::OpenError> RelaySockets::bind(const core::OpenRelay& request, Instant now) {
    const auto& addresses = ports_.addresses();
    const auto count = static_cast<std::uint32_t>(addresses.size());
    if (count == 0) return std::unexpected{core::OpenError::AddressGone};
    const std::uint32_t start = random_.below(count);
    core::OpenError why = core::OpenError::AddressGone;
    int attempts = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t index = (start + i) % count;
        if (addresses[index].family() != request.family) continue;
        why = core::OpenError::NoPorts;
        while (attempts++ < kBindAttempts) {
            const auto parity = request.even ? RelayPorts::Parity::Even : RelayPorts::Parity::Any;
            const auto port = request.reserve_next ? ports_.draw_pair(index, now, random_)
                                                   : ports_.draw(index, now, random_, parity);
            if (!port) break;
            const Endpoint local{addresses[index], *port};
            auto socket = bind_drawn(local, request.reserve_next);
            if (socket) return std::move(*socket);
            // Somebody else's port rests like a released one, so that it is not drawn at once again.
            ports_.release(local, now);
            if (request.reserve_next) ports_.release(next_of(local), now);
            if (socket.error() == EADDRNOTAVAIL) {
                why = core::OpenError::AddressGone;
                break;
            }
            if (socket.error() != EADDRINUSE && socket.error() != EACCES) {
                return std::unexpected{open_error(socket.error())};
            }
        }
    }
    return std::unexpected{why};
}

// The socket of a port that was drawn, and with it, kept, the next one's; the errno when not both are there.
std::expected<UdpSocket, int> RelaySockets::bind_drawn(const Endpoint& local, bool reserve_next) {
    auto socket = open_udp(local, {.errors = true, .together = true});
    if (socket && in_reserve(socket->fd.get())) return std::unexpected{EMFILE};
    if (!socket || !reserve_next) return socket;
    auto next = open_udp(next_of(local), {.errors = true, .together = true, .deaf = true});
    if (!next) return std::unexpected{next.error()};
    if (in_reserve(next->fd.get())) return std::unexpected{EMFILE};
    reserved_.keep(std::move(*next));
    return socket;
}

std::expected<UdpSocket, core::OpenError> RelaySockets::take_reserved(const Endpoint& local) {
    auto socket = reserved_.take(local);
    if (!socket || !ports_.claim_reserved(local)) return std::unexpected{core::OpenError::Refused};
    hear(*socket);
    return std::move(*socket);
}

std::expected<UdpSocket, core::OpenError> RelaySockets::bind_exact(const Endpoint& local, Instant now) {
    if (!ports_.claim(local)) return std::unexpected{core::OpenError::Refused};
    auto socket = open_udp(local, {.errors = true, .together = true});
    if (socket && !in_reserve(socket->fd.get())) return std::move(*socket);
    ports_.release(local, now);
    return std::unexpected{socket ? core::OpenError::NoDescriptors : open_error(socket.error())};
}

void RelaySockets::close(core::RelayId id, Instant now) {
    if (auto relay = release(id)) end(std::move(relay), now);
}

void RelaySockets::end_reservation(const Endpoint& local, Instant now) {
    if (reserved_.take(local)) ports_.release(local, now);
}

void RelaySockets::end_next_of(core::RelayId id, Instant now) {
    const RelaySocket* const relay = find(id);
    if (relay != nullptr && relay->next) end_reservation(*relay->next, now);
}

void RelaySockets::end(std::unique_ptr<RelaySocket> relay, Instant now) {
    const Endpoint local = relay->socket.local;
    directory_.set_ended(local);
    relay->socket.fd.reset();
    ports_.release(local, now);
}

RelaySocket* RelaySockets::find(core::RelayId id) noexcept {
    if (id.slot >= slots_.size() || !slots_[id.slot] || slots_[id.slot]->id != id) return nullptr;
    return slots_[id.slot].get();
}

std::unique_ptr<RelaySocket> RelaySockets::release(core::RelayId id) noexcept {
    if (find(id) == nullptr) return {};
    auto relay = std::move(slots_[id.slot]);
    relay->event = {};
    // What is for it waits in its socket until it has arrived.
    directory_.set_live(relay->socket.local, {});
    --size_;
    return relay;
}

void RelaySockets::adopt(std::unique_ptr<RelaySocket> relay, core::RelayId id) {
    relay->id = id;
    put(std::move(relay));
}

void RelaySockets::put(std::unique_ptr<RelaySocket> relay) {
    const std::uint32_t slot = relay->id.slot;
    TURNPIKE_ASSERT(slot < (1U << 24));
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    TURNPIKE_ASSERT(!slots_[slot]);
    relay->owner = owner_;
    relay->event = Event::readable(loop_, relay->socket.fd.get(), readable_, relay.get());
    relay->event.start();
    directory_.set_live(relay->socket.local, core::RelayHome{worker_, relay->id});
    slots_[slot] = std::move(relay);
    ++size_;
}

}  // namespace turnpike::net
