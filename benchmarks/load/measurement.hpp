#pragma once

#include <cstdint>
#include <vector>

#include "benchmarks/load/cpu_meter.hpp"
#include "benchmarks/load/delivery.hpp"

namespace turnpike::bench {

/// One line of progress: the packets that were due in a span of time.
///
/// Units  seconds since the measurement began
struct Interval {
    double from = 0, to = 0;
    std::uint64_t sent = 0, received = 0, lost = 0, bytes = 0;
    Nanoseconds p50{}, p99{}, p999{};
    double generator_load = 0;          // 0 to 1
    std::optional<double> server_load;  // processors that the server used

    double seconds() const noexcept { return to - from; }
    double rate() const noexcept {
        return seconds() > 0 ? static_cast<double>(received) / seconds() : 0;
    }
    double loss() const noexcept {
        return sent == 0 ? 0 : static_cast<double>(lost) / static_cast<double>(sent);
    }
};

/// How the generator itself did.
struct GeneratorHealth {
    std::uint64_t planned = 0;  // packets that were due
    std::uint64_t late = 0;     // sent more than kLate after they were due
    std::uint64_t refused = 0;  // a connection had no room: the server does not read
    std::uint64_t drops =
        0;            // datagrams that this machine dropped before they were read, or did not take
    Histogram slip;   // how far behind its schedule each packet left
    double load = 0;  // part of the time in which it sent and received, 0 to 1
    static constexpr Nanoseconds kLate{1'000'000};

    double late_share() const noexcept {
        return planned == 0 ? 0 : static_cast<double>(late) / static_cast<double>(planned);
    }
};

/// What a run of traffic gave, without its warm-up.
struct Measurement {
    Nanoseconds elapsed{};  // from the end of the warm-up to the last packet sent
    Delivery delivery;
    std::uint64_t damaged = 0;  // not as it was sent, or at the wrong receiver
    std::uint64_t failed = 0;  // members whose allocation, permission or connection ended meanwhile
    std::uint64_t relayed = 0;  // packets that came through an allocation while `elapsed` ran
    Nanoseconds jitter_mean{}, jitter_max{};  // over the flows, RFC 3550
    std::uint32_t flows = 0;
    GeneratorHealth generator;
    CpuUse cpu;
    bool stopped = false;  // by a signal, before its time
    std::vector<Interval> intervals;

    /// Every packet arrived once and intact.
    bool clean() const noexcept {
        return delivery.lost() == 0 && delivery.duplicated == 0 && damaged == 0 && failed == 0 &&
               generator.refused == 0;
    }
    double seconds() const noexcept { return static_cast<double>(elapsed.count()) / 1e9; }
    double rate() const noexcept {
        return elapsed.count() > 0 ? static_cast<double>(relayed) / seconds() : 0;
    }
    /// Relayed packets per second of the server's processor time, where that was watched.
    std::optional<double> per_cpu_second() const noexcept {
        const auto charged = cpu.charged();
        if (!charged || charged->count() <= 0) return {};
        return static_cast<double>(relayed) / (static_cast<double>(charged->count()) / 1e9);
    }
};

}  // namespace turnpike::bench
