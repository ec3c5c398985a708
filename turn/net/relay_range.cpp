#include "turn/net/relay_range.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/assert.hpp"
#include "turn/net/descriptor_limit.hpp"
#include "turn/net/icmp_error.hpp"

namespace turnpike::net {
namespace {

constexpr int kBatchesPerWake = 4;  // before the others get their turn
constexpr int kErrorsPerWake = 32;
constexpr std::size_t kBurst = 4;        // datagrams that are worth a message of their own
constexpr std::size_t kPlainMax = 1024;  // sockets for what does not fit the link, and bursts
constexpr std::size_t kIpv6MtuMin = 1280;  // RFC 8200 §5
constexpr std::size_t kIcmpBytesMax =
    2048;  // RFC 1812 §4.3.2.3: a router sends at most 576 of them

}  // namespace

RelayRange::RelayRange(const Parts& parts, RangeSteering& steering, const PortProbe& probe,
                       RangeSockets sockets)
    : parts_(parts),
      steering_(steering),
      binder_(parts.ports, parts.reserved, parts.random,
              [&probe](const Endpoint& local) { return probe(local); }),
      senders_(std::move(sockets.senders)),
      places_(static_cast<Place*>(std::calloc(steering.places(), sizeof(Place)))) {
    TURNPIKE_ASSERT(places_ != nullptr);
    for (UdpSocket& socket : sockets.receive) {
        if (!socket.fd) continue;
        auto receiver = std::make_unique<Receiver>();
        receiver->owner = this;
        receiver->socket = std::move(socket);
        receiver->event =
            Event::readable(parts.loop, receiver->socket.fd.get(), &on_readable, receiver.get());
        receiver->event.start();
        receivers_.push_back(std::move(receiver));
    }
    for (const Family family : {Family::V4, Family::V6}) {
        FileDescriptor& fd = sockets.icmp[RangeSockets::index_of(family)];
        if (!fd) continue;
        auto receiver = std::make_unique<IcmpReceiver>();
        receiver->owner = this;
        receiver->family = family;
        receiver->fd = std::move(fd);
        receiver->event =
            Event::readable(parts.loop, receiver->fd.get(), &on_icmp_readable, receiver.get());
        receiver->event.start();
        icmp_.push_back(std::move(receiver));
    }
}

RelayRange::~RelayRange() {
    for (const Relay& relay : slots_) {
        if (relay.generation == 0) continue;
        steering_.clear(*steering_.place(local_of(relay)));
        parts_.directory.set_ended(local_of(relay));
    }
}

// ---- relayed addresses ----

std::expected<Endpoint, core::OpenError> RelayRange::open(const core::OpenRelay& request,
                                                          Instant now) {
    const auto probed = binder_.bind(request, now);  // closed at the end of this
    if (!probed) return std::unexpected{probed.error()};
    put(probed->local, request.relay, request.reserve_next);
    return probed->local;
}

void RelayRange::put(const Endpoint& local, core::RelayId id, bool holds_next) {
    const std::size_t place = steering_.place(local).value();
    TURNPIKE_ASSERT(id.slot < (1U << 24) && id.generation != 0);
    if (id.slot >= slots_.size()) slots_.resize(id.slot + 1);
    Relay& relay = slots_[id.slot];
    TURNPIKE_ASSERT(relay.generation == 0);
    relay.generation = id.generation;
    relay.port = local.port;
    relay.address = static_cast<std::uint8_t>(place / RangeSteering::kPorts);
    relay.holds_next = holds_next;
    places_[place] = {id.generation, id.slot};
    ++size_;
    parts_.directory.set_live(local, core::RelayHome{parts_.worker, id});
    steering_.set(place, parts_.worker);
}

void RelayRange::close(core::RelayId id, Instant now) {
    Relay* const relay = find(id);
    if (relay == nullptr) return;
    steering_.clear(*steering_.place(local_of(*relay)));  // first: peers are not heard any more
    if (auto moving = release(id, parts_.worker)) end(std::move(*moving), now);
}

void RelayRange::end_next_of(core::RelayId id, Instant now) {
    const Relay* const relay = find(id);
    if (relay != nullptr && relay->holds_next)
        end_reservation(RelayBinder::next_of(local_of(*relay)), now);
}

void RelayRange::end(MovingRelay relay, Instant now) {
    const Endpoint local = relay.socket.local;
    const std::size_t place = *steering_.place(local);
    steering_.clear(place);
    if (places_[place].generation == 0) places_[place] = {};
    parts_.directory.set_ended(local);
    binder_.release(local, now);
}

std::optional<MovingRelay> RelayRange::release(core::RelayId id, unsigned to) {
    Relay* const relay = find(id);
    if (relay == nullptr) return {};
    send_queued(senders_[relay->address]);
    close_plain(*relay);
    MovingRelay moving;
    moving.socket.local = local_of(*relay);
    if (relay->holds_next) moving.next = RelayBinder::next_of(moving.socket.local);
    // What was steered here until the other worker has it goes after it.
    parts_.directory.set_live(moving.socket.local, {});
    places_[*steering_.place(moving.socket.local)] = {0, to + 1};
    *relay = {};
    --size_;
    return moving;
}

void RelayRange::adopt(MovingRelay relay, core::RelayId id) {
    put(relay.socket.local, id, relay.next.has_value());
}

const RelayRange::Relay* RelayRange::find(core::RelayId id) const noexcept {
    if (id.slot >= slots_.size() || id.generation == 0 ||
        slots_[id.slot].generation != id.generation)
        return nullptr;
    return &slots_[id.slot];
}

RelayRange::Relay* RelayRange::find(core::RelayId id) noexcept {
    return const_cast<Relay*>(std::as_const(*this).find(id));
}

std::optional<Endpoint> RelayRange::local(core::RelayId id) const noexcept {
    const Relay* const relay = find(id);
    if (relay == nullptr) return {};
    return local_of(*relay);
}

// ---- from peers ----

void RelayRange::on_readable(int, short, void* receiver) {
    auto& r = *static_cast<Receiver*>(receiver);
    r.owner->receive(r.socket);
}

void RelayRange::receive(UdpSocket& socket) {
    DatagramReader& reader = parts_.reader;
    for (int batch = 0; batch < kBatchesPerWake; ++batch) {
        if (reader.free_slots() < DatagramReader::kBatchMax) parts_.sink.make_room();
        const auto received = reader.read(socket, DatagramReader::kBatchMax);
        if (received.empty()) return;
        parts_.sink.on_peer_datagrams(address(received));
        if (received.size() < DatagramReader::kBatchMax) return;
    }
}

// Says whose they are; those that are another worker's by now go there, the rest stay in their
// order.
std::span<const Datagrams> RelayRange::address(std::span<Datagrams> received) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < received.size(); ++i) {
        Datagrams& datagrams = received[i];
        const Endpoint relayed{datagrams.destination, datagrams.destination_port};
        const auto place = steering_.place(relayed);
        const Place here = place ? places_[*place] : Place{};
        if (here.generation == 0 && here.slot != 0) {
            Bytes bytes{datagrams.bytes.begin(), datagrams.bytes.end()};
            parts_.sink.pass_on(here.slot - 1,
                                StrayDatagrams{relayed, datagrams.source, datagrams.ip,
                                               std::move(bytes), datagrams.size, 0});
            continue;
        }
        // Nobody's: it was sent to an address that has ended. The core counts it.
        datagrams.relay =
            here.generation == 0 ? core::RelayId{} : core::RelayId{here.slot, here.generation};
        if (kept != i) received[kept] = datagrams;
        ++kept;
    }
    return received.first(kept);
}

void RelayRange::take(StrayDatagrams stray) {
    const Place here = places_[*steering_.place(stray.relayed)];
    if (here.generation == 0 && here.slot != 0) {
        parts_.sink.pass_on(here.slot - 1, std::move(stray));
        return;
    }
    if (parts_.reader.free_slots() == 0) parts_.sink.make_room();
    const ByteSpan slot = parts_.reader.take_slot();
    Datagrams datagrams;
    datagrams.bytes = slot.first(std::min(slot.size(), stray.bytes.size()));
    std::copy_n(stray.bytes.begin(), datagrams.bytes.size(), slot.begin());
    datagrams.size = stray.size;
    datagrams.source = stray.source;
    datagrams.ip = stray.ip;
    if (here.generation != 0) datagrams.relay = {here.slot, here.generation};
    parts_.sink.on_peer_datagrams({&datagrams, 1});
}

// ---- to peers ----

void RelayRange::send(core::RelayId id, const Endpoint& peer, ByteView payload, const IpFields& ip,
                      bool dont_fragment) noexcept {
    Relay* const relay = find(id);
    if (relay == nullptr) return;
    RawSender& sender = senders_[relay->address];
    if (!path_mtus_.empty() && !dont_fragment && !sender.source().is_v4() &&
        path_mtus_.too_big(sender.header_bytes() + payload.size(), peer.address,
                           parts_.clock.now())) {
        send_plain(*relay, {{.relay = id}, sender.source(), peer, {.payload = payload}, ip, false});
        return;
    }
    if (sender.full()) send_queued(sender);
    sender.enqueue({.relay = id, .port = relay->port}, peer, {.payload = payload}, ip, dont_fragment);
}

// Over the smallest MTU that every link has, the path's counts, which the listener's socket knows.
bool RelayRange::send_to_client(UdpSocket& listener, const IpAddress& from,
                                const Outgoing& datagram, const Endpoint& client,
                                const IpFields& ip) noexcept {
    const auto sender = std::ranges::find(senders_, from, &RawSender::source);
    if (sender == senders_.end()) return false;
    if (!from.is_v4() && sender->header_bytes() + datagram.size() > kIpv6MtuMin) return false;
    if (sender->full()) send_queued(*sender);
    sender->enqueue({.listener = &listener, .port = listener.local.port}, client, datagram, ip, false);
    return true;
}

void RelayRange::flush() noexcept {
    for (RawSender& sender : senders_) {
        if (sender.size() > 0) send_queued(sender);
    }
}

void RelayRange::send_queued(RawSender& sender) noexcept {
    const std::size_t size = sender.size();
    for (std::size_t at = 0; at < size;) {
        // Up to the next burst.
        std::size_t end = at, burst = 0;
        while (end < size && (burst = sender.burst(end)) < kBurst) end += burst;
        send_singly(sender, at, end);
        at = end;
        if (end == size) break;
        at += burst;
        if (!send_burst(sender, end, at)) send_singly(sender, end, at);
    }
    sender.clear();
}

void RelayRange::send_singly(RawSender& sender, std::size_t from, std::size_t to) noexcept {
    for (std::size_t at = sender.send(from, to); at < to; at = sender.send(at + 1, to)) {
        const RawSender::Queued datagram = sender.queued(at);
        if (datagram.from.listener != nullptr)
            enqueue_plain(*datagram.from.listener, datagram);
        else if (Relay* const relay = find(datagram.from.relay))
            send_plain(*relay, datagram);
        else
            ++dropped_;
    }
}

// A UDP socket sends a burst as one message, which is worth having one; not worth another's.
bool RelayRange::send_burst(RawSender& sender, std::size_t from, std::size_t to) noexcept {
    const RawSender::From whose = sender.queued(from).from;
    UdpSocket* socket = whose.listener;
    if (socket == nullptr) {
        Relay* const relay = find(whose.relay);
        Plain* const plain = relay != nullptr ? plain_of(*relay, whose.relay, false) : nullptr;
        if (plain == nullptr) return false;
        socket = &plain->socket;
    }
    for (std::size_t at = from; at < to; ++at) {
        const RawSender::Queued datagram = sender.queued(at);
        parts_.transmit.enqueue(*socket, datagram.datagram, datagram.to, datagram.ip, datagram.source);
    }
    parts_.transmit.flush(*socket);
    return true;
}

// The kernel does what we cannot: fragment. It has the payload when this returns.
void RelayRange::send_plain(Relay& relay, const RawSender::Queued& datagram) noexcept {
    Plain* const plain = plain_of(relay, datagram.from.relay, true);
    if (plain == nullptr) {
        ++dropped_;
        return;
    }
    UdpSocket& socket = plain->socket;
    if (datagram.dont_fragment) {
        plain->with_df = datagram.to;
        set_dont_fragment(socket, true);
    }
    enqueue_plain(socket, datagram);
    if (datagram.dont_fragment) set_dont_fragment(socket, false);
}

void RelayRange::enqueue_plain(UdpSocket& socket, const RawSender::Queued& datagram) noexcept {
    parts_.transmit.enqueue(socket, datagram.datagram, datagram.to, datagram.ip, datagram.source);
    parts_.transmit.flush(socket);
}

// `needed`: where there are too many, another relayed address loses its own.
RelayRange::Plain* RelayRange::plain_of(Relay& relay, core::RelayId id, bool needed) noexcept {
    if (relay.plain) return relay.plain.get();
    Relay* other = nullptr;
    core::RelayId* place = nullptr;
    if (plains_.size() == kPlainMax) {
        place = &plains_[next_plain_++ % kPlainMax];
        other = find(*place);
        if (other != nullptr && other->plain && !needed) return nullptr;
    }
    auto socket = open_udp(local_of(relay), {.errors = true});
    if (!socket || in_reserve(socket->fd.get())) return nullptr;
    relay.plain = std::make_unique<Plain>();
    Plain& plain = *relay.plain;
    plain.owner = this;
    plain.id = id;
    plain.socket = std::move(*socket);
    plain.event = Event::readable(parts_.loop, plain.socket.fd.get(), &on_plain_readable, &plain);
    plain.event.start();
    if (place == nullptr) {
        plains_.push_back(id);
        return &plain;
    }
    if (other != nullptr) close_plain(*other);
    *place = id;
    return &plain;
}

void RelayRange::close_plain(Relay& relay) noexcept {
    if (!relay.plain) return;
    parts_.transmit.flush(relay.plain->socket);
    relay.plain.reset();
}

// ---- ICMP ----

void RelayRange::on_plain_readable(int, short, void* plain) {
    auto& p = *static_cast<Plain*>(plain);
    p.owner->receive_errors(p);
}

// Steering lets no datagram through to this socket, so what is there is an error of the kernel's
// own.
void RelayRange::receive_errors(Plain& plain) {
    const core::RelayId id = plain.id;
    std::array<PeerError, kErrorsPerWake> errors;
    std::size_t count = 0;
    while (count < errors.size()) {
        const auto error = next_error(plain.socket);
        if (!error) break;
        if (!*error) continue;
        const PeerError told = (*error)->completed(plain.with_df);
        if (count == 0 || errors[count - 1] != told) errors[count++] = told;
    }
    std::uint8_t byte;
    (void)::recv(plain.socket.fd.get(), &byte, 1, 0);  // and what came before it was steered
    for (std::size_t i = 0; i < count; ++i) parts_.sink.on_peer_error(id, errors[i]);
}

void RelayRange::on_icmp_readable(int, short, void* receiver) {
    auto& r = *static_cast<IcmpReceiver*>(receiver);
    r.owner->receive_icmp(r);
}

void RelayRange::receive_icmp(const IcmpReceiver& receiver) {
    for (int i = 0; i < kErrorsPerWake; ++i) {
        std::array<std::uint8_t, kIcmpBytesMax> packet;
        const ssize_t got = ::recv(receiver.fd.get(), packet.data(), packet.size(), MSG_TRUNC);
        if (got < 0) return;
        if (static_cast<std::size_t>(got) > packet.size()) continue;
        const auto told =
            IcmpError::parse({packet.data(), static_cast<std::size_t>(got)}, receiver.family);
        if (!told) continue;
        const auto place = steering_.place(told->sender);
        const auto owner = place ? steering_.owner(*place) : std::nullopt;
        if (!owner) continue;
        const StrayError error{told->sender, told->error, 0};
        if (*owner == parts_.worker)
            take(error);
        else
            parts_.sink.pass_on(*owner, error);
    }
}

void RelayRange::take(const StrayError& stray) {
    const Place here = places_[*steering_.place(stray.relayed)];
    if (here.generation == 0) {
        if (here.slot != 0) parts_.sink.pass_on(here.slot - 1, stray);
        return;
    }
    const PeerError& error = stray.error;
    if (!error.peer.address.is_v4() && error.mtu != 0)
        path_mtus_.learn(error.peer.address, error.mtu, parts_.clock.now());
    parts_.sink.on_peer_error({here.slot, here.generation}, error);
}

RelayEngine::Counters RelayRange::counters() const noexcept {
    Counters counters;
    counters.dropped = dropped_;
    for (const RawSender& sender : senders_) {
        counters.sent += sender.sent;
        counters.dropped += sender.dropped;
    }
    return counters;
}

}  // namespace turnpike::net
