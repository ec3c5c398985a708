#pragma once

#include <array>
#include <csignal>
#include <expected>
#include <string>

#include "benchmarks/load/flow_meter.hpp"
#include "benchmarks/load/target.hpp"
#include "benchmarks/load/turn_client.hpp"

namespace turnpike::bench {

struct RelayOptions {
    Target target;
    Framing framing = Framing::Channels;
    std::uint64_t packets = 1000;  // of each client; 0: until the duration is over or a signal
    Nanoseconds duration{};        // 0: until the packets are sent
    std::size_t size = 160;
    double rate = 1000;            // packets per second of each client
    Nanoseconds timeout = 10s;     // for setting up
    Nanoseconds drain = 2s;        // quiet time after which what is missing is lost
    Nanoseconds interval{};        // between progress lines; 0: none
};

struct RelayReport {
    std::array<Endpoint, 2> relayed;
    std::array<FlowMeter, 2> flows;  // [i]: from client i to the other
    FlowMeter total;
    Nanoseconds elapsed{};      // first to last packet sent
    Nanoseconds slipped_max{};  // how far behind its schedule the generator was at worst
    std::uint64_t receive_drops = 0;
    bool stopped = false;       // by a signal, before its time

    bool clean() const noexcept {
        return total.lost() == 0 && total.duplicated() == 0 && total.damaged_count() == 0;
    }
};

/// Two clients, an allocation each, sending to each other's relayed address at a fixed rate. Latency
/// counts from the moment a packet was due, so that a slow generator or server cannot hide.
/// `stop` is set by a signal handler: sending ends, what is under way is awaited.
std::expected<RelayReport, std::string> run_relay(const RelayOptions& options, const Clock& clock, Random& random,
                                                  const volatile std::sig_atomic_t& stop);

}  // namespace turnpike::bench
