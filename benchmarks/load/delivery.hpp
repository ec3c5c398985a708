#pragma once

#include <cstdint>

#include "benchmarks/load/flow_meter.hpp"
#include "benchmarks/load/histogram.hpp"

namespace turnpike::bench {

/// What was sent in a span of time, and what became of it. A packet belongs to the span in which it
/// was due, whenever it arrives.
struct Delivery {
    std::uint64_t sent = 0, received = 0, duplicated = 0, reordered = 0, bytes = 0;
    Histogram latency;  // from the moment when a packet was due

    void arrived(FlowMeter::Arrival arrival, std::size_t size, Nanoseconds after) noexcept {
        if (arrival == FlowMeter::Arrival::Duplicate) {
            ++duplicated;
            return;
        }
        ++received;
        bytes += size;
        if (arrival == FlowMeter::Arrival::Late) ++reordered;
        latency.add(after);
    }
    std::uint64_t lost() const noexcept { return sent > received ? sent - received : 0; }
    double loss() const noexcept {
        return sent == 0 ? 0 : static_cast<double>(lost()) / static_cast<double>(sent);
    }

    void add(const Delivery& other) noexcept {
        sent += other.sent;
        received += other.received;
        duplicated += other.duplicated;
        reordered += other.reordered;
        bytes += other.bytes;
        latency.add(other.latency);
    }
    void clear() noexcept {
        sent = received = duplicated = reordered = bytes = 0;
        latency.clear();
    }
};

}  // namespace turnpike::bench
