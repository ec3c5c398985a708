#pragma once

#include <csignal>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/datagram_port.hpp"
#include "benchmarks/load/fleet_maker.hpp"
#include "benchmarks/load/open_loop.hpp"

namespace turnpike::bench {

enum class Direction : std::uint8_t { ToPeer, ToClient, Both };

struct TrafficPlan {
    double packets_per_second = 1000;  // of all senders together
    std::size_t size = 160;            // of payload
    unsigned burst = 1;                // packets of a flow that are due at once
    Direction direction = Direction::ToPeer;
    bool echo = false;      // the peers send everything back: latency is the round trip
    bool segments = false;  // a burst is one UDP_SEGMENT send
    std::uint64_t packets_per_flow = 0;  // 0: until the loop ends
    LoopPlan loop;
};

/// Open-loop traffic through a fleet, judged packet by packet at its receivers.
///
/// Every packet has a moment when it is due, and its latency counts from there: neither a slow
/// server nor a slow generator can hide. The senders of a fleet are its clients, its peers or both;
/// with relay-to-relay its clients only.
///
/// Lifetime   borrows all that it is made of
/// Threading  one thread, which run() keeps busy
class Traffic {
public:
    /// `peers` may be null with relay-to-relay.
    Traffic(FleetMaker& maker, ClientLink& link, DatagramPort* peers, Framing framing,
            const Clock& clock, CpuMeter& cpu, const volatile std::sig_atomic_t& stop)
        : maker_(maker),
          link_(link),
          peers_(peers),
          framing_(framing),
          clock_(clock),
          cpu_(cpu),
          stop_(stop) {}

    void on_interval(OpenLoop::OnInterval on_interval) { on_interval_ = std::move(on_interval); }
    Measurement run(const TrafficPlan& plan);

private:
    FleetMaker& maker_;
    ClientLink& link_;
    DatagramPort* peers_;
    Framing framing_;
    const Clock& clock_;
    CpuMeter& cpu_;
    const volatile std::sig_atomic_t& stop_;
    OpenLoop::OnInterval on_interval_;
};

}  // namespace turnpike::bench
