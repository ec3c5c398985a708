#pragma once

#include <array>
#include <csignal>
#include <functional>

#include "benchmarks/load/measurement.hpp"
#include "benchmarks/load/span_ledger.hpp"

namespace turnpike::bench {

/// Where a load source tells what it sent and what came back.
///
/// Shape  a packet is named by the moment when it was due; those of the warm-up are not counted
class LoadBook {
public:
    LoadBook(Instant measured_from, Nanoseconds span) : spans_(measured_from, span) {}

    void sent(Instant due, Instant now) noexcept {
        if (!spans_.counts(due)) return;
        ++spans_.of(due).sent;
        const Nanoseconds slip = now - due;
        measurement_.generator.slip.add(slip);
        if (slip > GeneratorHealth::kLate) ++measurement_.generator.late;
    }
    /// The connection had no room for a packet.
    void refused(Instant due) noexcept {
        if (spans_.counts(due)) ++measurement_.generator.refused;
    }
    void arrived(Instant due, FlowMeter::Arrival arrival, std::size_t size, Instant now) noexcept {
        if (!spans_.counts(due)) return;
        spans_.of(due).arrived(arrival, size, now - due);
        last_news_ = now;
    }
    void damaged() noexcept { ++measurement_.damaged; }
    /// A packet came through the server, whatever it is worth.
    void relayed() noexcept {
        if (relayed_counts_) ++measurement_.relayed;
    }

private:
    friend class OpenLoop;

    SpanLedger spans_;
    Measurement measurement_;
    bool relayed_counts_ = false;
    Instant last_news_{};
};

/// What sends packets when they are due, and recognizes them when they come.
class LoadSource {
public:
    virtual ~LoadSource() = default;

    /// Sends what is due by `now`, up to about `budget` packets; how many it was.
    virtual std::uint64_t send_due(Instant now, std::uint64_t budget, LoadBook& book) = 0;
    /// When the next packet is due; Instant::max() when there is none.
    virtual Instant next_due() = 0;
    /// Packets that are due before `to` and have not been sent.
    virtual std::uint64_t backlog(Instant to) = 0;
    /// Reads what is there, up to a bound; how much it was.
    virtual std::size_t receive(LoadBook& book) = 0;
    /// What else is to do from time to time: retransmissions, refreshes.
    virtual void tick(Instant) {}
    /// For poll(2); -1 for none.
    virtual std::array<int, 2> descriptors() const = 0;
    /// Datagrams that this machine dropped.
    virtual std::uint64_t drops() const = 0;
    /// Members that failed.
    virtual std::uint64_t failures() const { return 0; }
    /// At the end: jitter and what else the source alone knows.
    virtual void finish(Measurement&) {}
};

struct LoopPlan {
    Nanoseconds duration{};  // of the measurement; 0: until nothing is due any more, or stop
    Nanoseconds warm_up{};   // before it, not measured
    Nanoseconds drain = 2s;  // quiet time after which a missing packet is lost
    Nanoseconds interval = 1s;
    bool spin = false;  // never sleep: exact times, for the price of a core
};

/// Runs a source in open loop: it sends by its schedule, whatever the server does, and reads what
/// comes; counts, and watches itself meanwhile.
///
/// Lifetime   borrows all that it is made of
/// Threading  one thread, which run() keeps busy
class OpenLoop {
public:
    using OnInterval = std::function<void(const Interval&)>;

    /// The schedule begins at `start`, a moment that is just ahead.
    OpenLoop(LoadSource& source, const LoopPlan& plan, Instant start, const Clock& clock,
             CpuMeter& cpu, const volatile std::sig_atomic_t& stop, const OnInterval& on_interval);

    Measurement run();

private:
    bool over(Instant now);
    void begin_measuring();
    void end_measuring(Instant now);
    void housekeeping(Instant now);
    void close_span(Instant now, Instant from, Instant to, const Delivery& span);
    std::size_t receive();
    void wait(Instant now);
    void sleep(Nanoseconds time);
    void drain();
    Measurement result(Instant end);

    LoadSource& source_;
    const LoopPlan& plan_;
    const Clock& clock_;
    CpuMeter& cpu_;
    const volatile std::sig_atomic_t& stop_;
    const OnInterval& on_interval_;

    Instant measured_from_, end_;
    LoadBook book_;
    bool measuring_ = false;
    Instant began_{}, last_line_{}, next_housekeeping_{};
    Nanoseconds worked_{}, worked_last_{};
    CpuUse cpu_before_, cpu_last_;
    std::uint64_t drops_before_ = 0, failures_before_ = 0;
};

}  // namespace turnpike::bench
