#include "turn/net/worker.hpp"

namespace turnpike::net {
namespace {

template <typename... Each>
struct Overloaded : Each... {
    using Each::operator()...;
};

}  // namespace

// Does what the core decided, in order. Answering OpenRelay lets it decide more, behind what is there.
void Worker::run_outbox(const IpFields& ip, unsigned hops) {
    for (std::size_t at = 0; at < outbox_.actions().size(); ++at) {
        const core::Action& action = outbox_.actions()[at];
        if (const auto* open = std::get_if<core::OpenRelay>(&action)) {
            const core::OpenRelay request = *open;  // the answer may move the actions
            const Instant now = node_.clock.now();
            const auto bound = request.protocol == core::RelayProtocol::Tcp ? tcp_relays_.open(request, now)
                                                                            : relays_->open(request, now);
            server_.relay_opened(request.relay, bound, now, node_.clock.wall(), outbox_);
            continue;
        }
        if (const auto* open = std::get_if<core::OpenConnection>(&action)) {
            connect_to_peer(core::OpenConnection{*open});
            continue;
        }
        std::visit(
            Overloaded{
                [&](const core::SendToClient& send) { send_to_client(send.path, outbox_.bytes(send.message)); },
                [&](const core::SendToPeer& send) {
                    send_to_peer(send.relay, send.peer, send.home, send.payload, ip, {.dont_fragment = send.dont_fragment},
                                 node_.clock.now());
                },
                [&](const core::OpenRelay&) {},
                [&](const core::CloseRelay& close) {
                    if (close.with_next) relays_->end_next_of(close.relay, node_.clock.now());
                    relays_->close(close.relay, node_.clock.now());
                    tcp_relays_.close(close.relay, node_.clock.now());
                },
                [&](const core::OpenConnection&) {},
                [&](const core::CloseConnection& close) { connections_.close(close.id); },
                [&](const core::BindConnection& bind) { leave_streams(bind.data, bind.id, index_, {}); },
                [&](const core::PassOn& pass) {
                    leave_streams(pass.path, {}, pass.worker, outbox_.bytes(pass.request));
                },
                [&](const core::EndReservation& end) { relays_->end_reservation(end.local, node_.clock.now()); },
                [&](const core::FetchAllocation& wanted) { fetch(wanted, hops); },
                [&](const core::ClientMoved& moved) {
                    --by_transport_[static_cast<std::size_t>(moved.from.transport)];
                    ++by_transport_[static_cast<std::size_t>(moved.to.transport)];
                    if (moved.from.transport != Transport::Dtls) forget_owner(moved.from);
                    if (node_.reports) node_.reports(action);
                },
                [&](const core::CloseClient& close) {
                    if (is_stream(close.path.tuple.transport)) streams_.close_after_flush(close.path.link);
                    else dtls_.close(close.path.link);
                },
                [&](const core::AllocationOpened& opened) {
                    ++by_transport_[static_cast<std::size_t>(opened.tuple.transport)];
                    if (node_.reports) node_.reports(action);
                },
                [&](const core::AllocationClosed& closed) {
                    --by_transport_[static_cast<std::size_t>(closed.tuple.transport)];
                    // A DTLS association goes on without its allocation.
                    if (closed.tuple.transport != Transport::Dtls) forget_owner(closed.tuple);
                    if (node_.reports) node_.reports(action);
                },
                [&](const core::RequestRefused&) {
                    if (node_.reports) node_.reports(action);
                },
            },
            action);
    }
    outbox_.clear();
    keep_records();
}

void Worker::send_to_client(const core::Path& path, ByteView message) {
    keep_records();
    if (is_stream(path.tuple.transport)) {
        streams_.send_response(path.link, message);
    } else if (path.tuple.transport == Transport::Dtls) {
        dtls_.send(path.link, message);
    } else if (path.listener < udp_.size() && udp_[path.listener]) {
        transmit_.enqueue_copy(udp_[path.listener]->socket, {.payload = message}, path.next_hop(), {}, path.tuple.server.address);
    }
}

}  // namespace turnpike::net
