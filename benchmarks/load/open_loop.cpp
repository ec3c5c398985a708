#include "benchmarks/load/open_loop.hpp"

#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <ctime>

namespace turnpike::bench {
namespace {

// Packets that one round may send, so that receiving keeps up, and rounds of receiving after it.
constexpr std::uint64_t kSendBudget = 64;
constexpr std::size_t kReadMore = 64;
constexpr int kReceiveRounds = 4;
constexpr Nanoseconds kHousekeepingEvery = 5ms;
// Waking up takes the kernel this long: what is due sooner is waited for awake.
constexpr Nanoseconds kWakeUp = 60us;
constexpr Nanoseconds kSleepMax = 20ms;

double share(Nanoseconds part, Nanoseconds whole) {
    return whole.count() > 0
               ? static_cast<double>(part.count()) / static_cast<double>(whole.count())
               : 0;
}

}  // namespace

OpenLoop::OpenLoop(LoadSource& source, const LoopPlan& plan, Instant start, const Clock& clock,
                   CpuMeter& cpu, const volatile std::sig_atomic_t& stop,
                   const OnInterval& on_interval)
    : source_(source),
      plan_(plan),
      clock_(clock),
      cpu_(cpu),
      stop_(stop),
      on_interval_(on_interval),
      measured_from_(start + plan.warm_up),
      end_(plan.duration > Nanoseconds::zero() ? measured_from_ + plan.duration : Instant::max()),
      book_(measured_from_, plan.interval) {
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
}

Measurement OpenLoop::run() {
    Instant now = clock_.now();
    if (plan_.warm_up <= Nanoseconds::zero()) begin_measuring();
    while (!over(now)) {
        if (!measuring_ && now >= measured_from_) begin_measuring();
        const std::uint64_t sent = source_.send_due(now, kSendBudget, book_);
        const std::size_t received = receive();
        const Instant after = clock_.now();
        if (sent + received > 0)
            worked_ += after - now;
        else
            wait(after);
        now = sent + received > 0 ? after : clock_.now();
        housekeeping(now);
    }
    // What came due just before the end.
    if (!book_.measurement_.stopped)
        source_.send_due(std::min(now, end_ - 1ns), kSendBudget, book_);
    end_measuring(now);
    drain();
    return result(now);
}

bool OpenLoop::over(Instant now) {
    if (stop_ != 0) {
        book_.measurement_.stopped = true;
        return true;
    }
    if (end_ != Instant::max()) return now >= end_;
    return source_.next_due() == Instant::max();
}

void OpenLoop::begin_measuring() {
    measuring_ = book_.relayed_counts_ = true;
    worked_ = worked_last_ = {};
    drops_before_ = source_.drops();
    failures_before_ = source_.failures();
    cpu_before_ = cpu_last_ = cpu_.read();
    began_ = last_line_ = clock_.now();
}

void OpenLoop::end_measuring(Instant now) {
    if (!measuring_) begin_measuring();  // stopped in the warm-up
    Measurement& measurement = book_.measurement_;
    measurement.cpu = cpu_.read() - cpu_before_;
    measurement.elapsed = now - began_;
    measurement.generator.load = share(worked_, measurement.elapsed);
    measurement.generator.planned =
        book_.spans_.sent() + measurement.generator.refused + source_.backlog(std::min(now, end_));
    measurement.failed = source_.failures() - failures_before_;
    book_.relayed_counts_ = false;
}

std::size_t OpenLoop::receive() {
    std::size_t total = 0;
    for (int round = 0; round < kReceiveRounds; ++round) {
        const std::size_t count = source_.receive(book_);
        total += count;
        if (count < kReadMore) break;
    }
    return total;
}

void OpenLoop::housekeeping(Instant now) {
    if (now < next_housekeeping_) return;
    next_housekeeping_ = now + kHousekeepingEvery;
    source_.tick(now);
    book_.spans_.roll(now, [&](Instant from, Instant to, const Delivery& span) {
        close_span(now, from, to, span);
    });
}

void OpenLoop::close_span(Instant now, Instant from, Instant to, const Delivery& span) {
    const CpuUse cpu = cpu_.read();
    const CpuUse used = cpu - cpu_last_;
    const Nanoseconds wall = now - last_line_;
    Interval interval{.from = std::chrono::duration<double>(from - measured_from_).count(),
                      .to = std::chrono::duration<double>(to - measured_from_).count(),
                      .sent = span.sent,
                      .received = span.received,
                      .lost = span.lost(),
                      .bytes = span.bytes,
                      .p50 = span.latency.percentile(50),
                      .p99 = span.latency.percentile(99),
                      .p999 = span.latency.percentile(99.9),
                      .generator_load = share(worked_ - worked_last_, wall),
                      .server_load = {}};
    if (const auto charged = used.charged()) interval.server_load = share(*charged, wall);
    cpu_last_ = cpu;
    last_line_ = now;
    worked_last_ = worked_;
    book_.measurement_.intervals.push_back(interval);
    if (on_interval_) on_interval_(interval);
}

void OpenLoop::wait(Instant now) {
    const Instant due = source_.next_due();
    const Nanoseconds gap = due == Instant::max() ? kSleepMax : due - now;
    if (plan_.spin || gap < 2 * kWakeUp) return;
    sleep(std::min({gap - kWakeUp, kSleepMax, std::max(end_ - now, Nanoseconds::zero())}));
}

void OpenLoop::sleep(Nanoseconds time) {
    const auto descriptors = source_.descriptors();
    std::array<pollfd, 2> wanted{};
    for (std::size_t i = 0; i < wanted.size(); ++i)
        wanted[i] = {.fd = descriptors[i], .events = POLLIN, .revents = 0};
    const timespec timeout{
        .tv_sec = 0, .tv_nsec = static_cast<long>(std::max(time, Nanoseconds::zero()).count())};
    ::ppoll(wanted.data(), wanted.size(), &timeout, nullptr);
}

// What is under way may still come.
void OpenLoop::drain() {
    book_.last_news_ = clock_.now();
    for (Instant now = book_.last_news_;
         book_.spans_.missing() > 0 && now < book_.last_news_ + plan_.drain; now = clock_.now()) {
        if (receive() == 0) sleep(kHousekeepingEvery);
        source_.tick(now);
    }
}

Measurement OpenLoop::result(Instant end) {
    book_.spans_.finish(std::min(end, end_), [&](Instant from, Instant to, const Delivery& span) {
        close_span(end, from, to, span);
    });
    Measurement& measurement = book_.measurement_;
    measurement.delivery = book_.spans_.total();
    measurement.generator.drops = source_.drops() - drops_before_;
    source_.finish(measurement);
    return std::move(measurement);
}

}  // namespace turnpike::bench
