#include "turn/net/relay_binder.hpp"

#include <cerrno>

#include "turn/net/descriptor_limit.hpp"
#include "turn/net/open_error.hpp"

namespace turnpike::net {
namespace {

// How often a port that another process holds makes us draw again.
constexpr int kBindAttempts = 64;

}  // namespace

std::expected<UdpSocket, core::OpenError> RelayBinder::bind(const core::OpenRelay& request,
                                                            Instant now) {
    if (!request.exact) return draw(request, now);
    return request.reserved ? take_reserved(*request.exact) : bind_exact(*request.exact, now);
}

std::expected<UdpSocket, core::OpenError> RelayBinder::draw(const core::OpenRelay& request,
                                                            Instant now) {
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
            auto socket = open_drawn(local, request.reserve_next);
            if (socket) return std::move(*socket);
            // Somebody else's port rests like a released one, so that it is not drawn at once
            // again.
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

// The socket of a port that was drawn, and with it, kept, the next one's; the errno when not both
// are there.
std::expected<UdpSocket, int> RelayBinder::open_drawn(const Endpoint& local, bool reserve_next) {
    auto socket = open_(local);
    if (socket && in_reserve(socket->fd.get())) return std::unexpected{EMFILE};
    if (!socket || !reserve_next) return socket;
    auto next = open_udp(next_of(local), {.errors = true, .together = true, .deaf = true});
    if (!next) return std::unexpected{next.error()};
    if (in_reserve(next->fd.get())) return std::unexpected{EMFILE};
    reserved_.keep(std::move(*next));
    return socket;
}

std::expected<UdpSocket, core::OpenError> RelayBinder::take_reserved(const Endpoint& local) {
    auto socket = reserved_.take(local);
    if (!socket || !ports_.claim_reserved(local)) return std::unexpected{core::OpenError::Refused};
    return std::move(*socket);
}

std::expected<UdpSocket, core::OpenError> RelayBinder::bind_exact(const Endpoint& local,
                                                                  Instant now) {
    if (!ports_.claim(local)) return std::unexpected{core::OpenError::Refused};
    auto socket = open_(local);
    if (socket && !in_reserve(socket->fd.get())) return std::move(*socket);
    ports_.release(local, now);
    return std::unexpected{socket ? core::OpenError::NoDescriptors : open_error(socket.error())};
}

void RelayBinder::end_reservation(const Endpoint& local, Instant now) {
    if (reserved_.take(local)) ports_.release(local, now);
}

}  // namespace turnpike::net
