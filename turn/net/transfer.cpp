#include "turn/net/worker.hpp"

// How a 5-tuple moves from worker A to worker B, and how its datagrams find it afterwards.
//
// Datagrams of a UDP 5-tuple always arrive at its home, the worker that Steering names. Home's
// `overrides_` says who has it, if home has not. A move takes these steps, each a letter:
//
//   A     releases the allocation, notes "it is at B" in its own overrides_, and sends B the parcel:
//         the record, the relay sockets (with what waits in them) and a stream client's connection
//   B     adopts, and tells home: "I have it"            (B is home: forgets its exception)
//   home  notes B, and tells A: "forget your note"
//
// Until home knows, it sends to A, and A passes on to B; B opens the parcel before anything that A
// passes on, since letters keep their order. So every datagram finds the owner, only later; what A had
// acknowledged is in the record. When the allocation ends, B tells home to forget it. Notes carry the
// number of their move, so that a late letter never undoes a newer one.
//
// A client that changes its address (RFC 8016, NAT rebinding) shows a ticket or a nonce on a new 5-tuple,
// whose home B may be another worker than A, which has the allocation. B sends A the request; A moves
// the allocation as above, if the request is signed with its key, and sends the request back, behind the
// parcel. So the new 5-tuple needs no exception, and the old one has its own until the client has moved.

namespace turnpike::net {

namespace {

// Datagrams from other workers that wait in a mailbox: as many as a socket buffer would hold.
constexpr std::size_t kHandedMax = 4096;
// A peer's datagram follows its relayed address from worker to worker, however fast that moves.
constexpr unsigned kStrayHopsMax = 64;

}  // namespace

struct Worker::HandedDatagram final : Letter {
    HandedDatagram(Worker& worker, const core::Path& p, ByteView bytes, const IpFields& fields, unsigned h)
        : to(worker), path(p), payload(bytes.begin(), bytes.end()), ip(fields), hops(h) {}

    void open() override {
        to.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        if (to.reader_.free_slots() == 0) to.make_room();
        const ByteSpan slot = to.reader_.take_slot().first(payload.size());
        std::copy(payload.begin(), payload.end(), slot.begin());
        to.on_client_datagram(path, slot, ip, hops, to.node_.clock.now());
    }

    Worker& to;
    core::Path path;
    Bytes payload;
    IpFields ip;
    unsigned hops;
};

std::optional<unsigned> Worker::elsewhere(const FiveTuple& tuple) const noexcept {
    if (node_.steering.workers() == 1) return {};
    if (const auto owner = overrides_.find(tuple)) return owner->worker;
    // Usually the kernel steered it and this is home. Where it could not, home is asked to decide.
    const unsigned home = node_.steering.worker_for(tuple.client);
    if (home == index_ || server_.knows(tuple) || dtls_.knows(tuple)) return {};
    return home;
}

void Worker::hand_over(unsigned to, const core::Path& path, ByteView payload, const IpFields& ip, unsigned hops) {
    Worker& worker = *node_.workers[to];
    if (worker.handed_waiting_.fetch_add(1, std::memory_order_relaxed) >= kHandedMax) {
        worker.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        ++hand_over_dropped_;
        return;
    }
    ++handed_over_;
    worker.mailbox_.post(std::make_unique<HandedDatagram>(worker, path, payload, ip, hops));
}

// Peers' datagrams and ICMP that arrived where their relayed address was a moment ago.
template <typename Stray>
void Worker::pass_on_stray(unsigned to, Stray stray) {
    Worker& worker = *node_.workers[to];
    const bool room = worker.handed_waiting_.fetch_add(1, std::memory_order_relaxed) < kHandedMax;
    if (!room || stray.hops++ >= kStrayHopsMax) {
        worker.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        ++hand_over_dropped_;
        return;
    }
    ++handed_over_;
    worker.post([&worker, s = std::move(stray)]() mutable {
        worker.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        worker.relays_->take(std::move(s));
    });
}

void Worker::pass_on(unsigned worker, StrayDatagrams datagrams) { pass_on_stray(worker, std::move(datagrams)); }
void Worker::pass_on(unsigned worker, const StrayError& error) { pass_on_stray(worker, error); }

bool Worker::move_away(const FiveTuple& tuple, unsigned target, Done done) {
    if (target == index_) {
        const bool here = server_.knows(tuple);
        if (here && done) done->give(true);
        return here;
    }
    // Its client is on its way to this worker, on a 5-tuple of its own.
    if (server_.client_moving(tuple)) return false;
    return send_away(tuple, target, std::move(done));
}

bool Worker::send_away(const FiveTuple& tuple, unsigned target, Done done) {
    take_crossings();
    auto released = server_.release(tuple, node_.clock.now());
    if (!released) return false;

    Parcel parcel;
    parcel.record = std::move(released->record);
    parcel.move = node_.next_move.fetch_add(1, std::memory_order_relaxed);
    parcel.from = index_;
    parcel.done = std::move(done);
    for (const core::RelayId id : released->relays) {
        parcel.relays.push_back(relays_->release(id, target));
        parcel.tcp_relays.push_back(tcp_relays_.release(id));
    }
    if (is_stream(tuple.transport)) {
        parcel.session = streams_.release(streams_.find_link(tuple));
    } else {
        if (tuple.transport == Transport::Dtls) parcel.association = dtls_.release(tuple);
        overrides_.set(tuple, {target, parcel.move});
        guests_.erase(tuple);
    }
    --by_transport_[static_cast<std::size_t>(tuple.transport)];

    Worker& to = *node_.workers[target];
    to.post([&to, p = std::move(parcel)]() mutable { to.adopt(std::move(p)); });
    return true;
}

void Worker::fetch(const core::FetchAllocation& wanted, unsigned hops) {
    Worker& from = *node_.workers[wanted.worker];
    if (from.handed_waiting_.fetch_add(1, std::memory_order_relaxed) >= kHandedMax) {
        from.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        ++hand_over_dropped_;
        return;
    }
    const ByteView bytes = outbox_.bytes(wanted.message);
    from.post([&from, tuple = wanted.tuple, to = index_, path = wanted.path, hops,
               message = Bytes{bytes.begin(), bytes.end()}]() mutable {
        from.handed_waiting_.fetch_sub(1, std::memory_order_relaxed);
        from.give(tuple, to, path, std::move(message), hops);
    });
}

// What `to` asked for, if its request shows that the owner wants it; and the request back.
void Worker::give(const FiveTuple& tuple, unsigned to, const core::Path& path, Bytes message, unsigned hops) {
    const auto view = stun::MessageView::parse(message);
    const bool wanted = view && server_.signed_by_owner(tuple, *view);
    // Where it is not here, somebody may know better by now. Where it stays here, nobody need ask again.
    if ((wanted && send_away(tuple, to, nullptr)) || !server_.knows(tuple)) ++hops;
    else hops = kHopsMax;
    Worker& asker = *node_.workers[to];
    asker.post([&asker, path, hops, message = std::move(message)] {
        asker.on_client_message(path, message, {}, hops, asker.node_.clock.now());
    });
}

void Worker::adopt(Parcel parcel) {
    const FiveTuple tuple = parcel.record.tuple;
    core::Path path{tuple, parcel.record.listener, 0, parcel.record.via};
    if (parcel.session) path.link = streams_.adopt(std::move(parcel.session));
    if (parcel.association) path.link = dtls_.adopt(std::move(parcel.association));
    const auto ids = server_.adopt(parcel.record, path, node_.clock.now());
    if (!ids || ids->size() != parcel.relays.size()) {
        refuse(std::move(parcel), path);
        return;
    }
    for (std::size_t i = 0; i < ids->size(); ++i) {
        if (parcel.relays[i]) relays_->adopt(std::move(*parcel.relays[i]), (*ids)[i]);
        if (parcel.tcp_relays[i]) tcp_relays_.adopt(std::move(parcel.tcp_relays[i]), (*ids)[i]);
    }
    ++by_transport_[static_cast<std::size_t>(tuple.transport)];

    if (!is_stream(tuple.transport)) {
        overrides_.erase(tuple);
        const unsigned home = node_.steering.worker_for(tuple.client);
        const Overrides::Entry here{index_, parcel.move};
        if (home == index_) {
            learn_owner(tuple, here, parcel.from);
        } else {
            guests_.set(tuple, {home, parcel.move});
            Worker& h = *node_.workers[home];
            h.post([&h, tuple, here, from = parcel.from] { h.learn_owner(tuple, here, from); });
        }
    }
    settle_in_journal(parcel);
    if (parcel.done) parcel.done->give(true);

    // A revocation that came while the parcel was on its way found the allocation nowhere.
    const core::AllocationRecord& record = parcel.record;
    if (node_.revocations.revoked(record.credential.realm, record.credential.subject, node_.clock.wall())) {
        kill_subject(record.credential.realm, record.credential.subject, core::CloseReason::Revoked);
    }
}

// The core would not have it: its time ran out on the way. It ends here, with everything it held.
void Worker::refuse(Parcel parcel, const core::Path& path) {
    const core::AllocationRecord& record = parcel.record;
    for (auto& relay : parcel.relays) {
        if (relay) relays_->end(std::move(*relay), node_.clock.now());
    }
    for (auto& relay : parcel.tcp_relays) {
        if (relay) tcp_relays_.end(std::move(relay), node_.clock.now());
    }
    node_.quota.release(record.credential.realm, record.credential.subject);
    if (node_.reports) {
        const Endpoint relayed = record.relayed.empty() ? Endpoint{} : node_.relays.to_external(record.relayed.front());
        node_.reports(core::AllocationClosed{record.id, record.tuple, relayed, record.credential.username,
                                             record.credential.subject, record.credential.realm, core::CloseReason::Expired, record.traffic, record.age});
    }
    if (is_stream(record.tuple.transport)) streams_.close_after_flush(path.link);
    else dtls_.close(path.link);
    const unsigned home = node_.steering.worker_for(record.tuple.client);
    for (const unsigned knows : {home, parcel.from}) {
        Worker& w = *node_.workers[knows];
        w.post([&w, tuple = record.tuple] { w.overrides_.erase(tuple); });
    }
    settle_in_journal(parcel);
    if (parcel.done) parcel.done->give(false);
}

// The record is kept here, or its allocation has ended: the worker that it came from need not keep it longer.
void Worker::settle_in_journal(const Parcel& parcel) {
    keep_records();
    Worker& from = *node_.workers[parcel.from];
    if (from.journal_) from.post([&from, id = parcel.record.id] { from.server_.arrived_elsewhere(id); });
}

// At home: from now on the 5-tuple's datagrams go to `owner`; `from` need not pass them on any more.
void Worker::learn_owner(const FiveTuple& tuple, Overrides::Entry owner, unsigned from) {
    if (owner.worker != index_) overrides_.set(tuple, owner);
    if (from == index_) return;
    Worker& f = *node_.workers[from];
    f.post([&f, tuple, move = owner.move] { f.overrides_.erase(tuple, move); });
}

// An allocation of ours ended: at home the 5-tuple is free again.
void Worker::forget_owner(const FiveTuple& tuple) {
    const auto guest = guests_.find(tuple);
    if (!guest) return;
    guests_.erase(tuple);
    Worker& home = *node_.workers[guest->worker];
    home.post([&home, tuple, move = guest->move] { home.overrides_.erase(tuple, move); });
}

}  // namespace turnpike::net
