#include <algorithm>

#include "turn/net/worker.hpp"

// Datagrams between two relayed addresses of this node, as in a call whose sides are both relayed. They do not pass
// the kernel: what A's client sends to B's relayed address goes straight to B's client, as if it had left A's
// relayed address and arrived at B's. Rights, limits and counters are those of both allocations (`to_peer` at
// A's worker, `to_client` at B's). Where B is another worker's, a ring is between them (datagram_ring.hpp).
//
// While B moves between workers it has no home, and what is for it waits in the kernel. What was in a ring then is
// delivered before it goes; a datagram whose writer looked B up a moment earlier may miss it, and is counted.

namespace turnpike::net {
namespace {

constexpr int kCrossingsPerWake = 256;  // of one ring, before the sockets get their turn

}  // namespace

// False: it has to go the kernel's way.
bool Worker::relay_inside(const core::RelayHome& home, const Endpoint& from, ByteView payload, const IpFields& ip,
                          bool lasting, Instant now) {
    if (home.worker == index_) {
        ++relayed_inside_;
        deliver_to_client(home.relay, from, payload, ip, lasting, now);
        return true;
    }
    if (payload.size() > DatagramRing::kPayloadMax) return false;
    Worker& to = *node_.workers[home.worker];
    if (!to.crossings_[index_].push(home.relay, from, ip, payload)) {
        ++crossings_dropped_;  // as a full socket buffer would
        return true;
    }
    ++relayed_inside_;
    if (std::ranges::find(to_ring_, &to) == to_ring_.end()) to_ring_.push_back(&to);
    return true;
}

void Worker::on_crossings() {
    crossing_bell_.answer();
    take_crossings();
}

void Worker::take_crossings() {
    bool more = false;
    for (DatagramRing& ring : crossings_) {
        const Instant now = node_.clock.now();
        int taken = 0;
        for (; taken < kCrossingsPerWake; ++taken) {
            const auto datagram = ring.next();
            if (!datagram) break;
            deliver_to_client(datagram->to, datagram->from, datagram->payload, datagram->ip, true, now);
        }
        more = more || taken == kCrossingsPerWake;
    }
    crossed_ = true;
    if (more) crossing_bell_.ring();
}

// The end of a round: whoever got something is told once.
void Worker::ring_crossings() noexcept {
    for (Worker* to : to_ring_) to->crossing_bell_.ring();
    to_ring_.clear();
    if (!std::exchange(crossed_, false)) return;
    for (DatagramRing& ring : crossings_) ring.recycle();
}

}  // namespace turnpike::net
