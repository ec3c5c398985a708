#include "benchmarks/load/traffic.hpp"

#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "benchmarks/load/open_schedule.hpp"
#include "benchmarks/load/packet_framing.hpp"
#include "benchmarks/load/payload.hpp"
#include "benchmarks/load/span_ledger.hpp"
#include "turn/stun/demux.hpp"

namespace turnpike::bench {
namespace {

// Packets that one round may send, so that receiving keeps up, and rounds of receiving after it.
constexpr std::uint64_t kSendBudget = 64;
constexpr int kReceiveRounds = 4;
constexpr Nanoseconds kHousekeepingEvery = 5ms;
// Waking up takes the kernel this long: what is due sooner is waited for awake.
constexpr Nanoseconds kWakeUp = 60us;
constexpr Nanoseconds kSleepMax = 20ms;
constexpr std::size_t kSegmentsMax = 64, kSegmentedBytesMax = 65000;  // UDP_MAX_SEGMENTS of older kernels

class TrafficRun {
public:
    TrafficRun(FleetMaker& maker, ClientLink& link, DatagramPort* peers, Framing framing, const Clock& clock, CpuMeter& cpu,
               const volatile std::sig_atomic_t& stop, const TrafficPlan& plan, const Traffic::OnInterval& on_interval)
        : maker_(maker),
          fleet_(maker.fleet()),
          link_(link),
          peers_(peers),
          framing_(framing),
          clock_(clock),
          cpu_(cpu),
          stop_(stop),
          plan_(plan),
          on_interval_(on_interval),
          both_(!fleet_.relay_to_relay && plan.direction == Direction::Both && !plan.echo),
          to_client_(!fleet_.relay_to_relay && plan.direction == Direction::ToClient && !plan.echo),
          flows_(static_cast<std::uint32_t>(fleet_.members.size()) * (both_ ? 2U : 1U)),
          start_(clock.now() + 1ms),
          measured_from_(start_ + plan.warm_up),
          schedule_(start_, plan.packets_per_second, plan.burst, flows_),
          limit_(limit_of(plan)),
          ledger_(measured_from_, plan.interval),
          sequences_(flows_),
          meters_(flows_),
          relayed_(fleet_.members.size()) {
        for (std::size_t i = 0; i < relayed_.size(); ++i) relayed_[i] = SocketName{fleet_.members[i].relayed};
        link_.on_broken([this](std::uint32_t client, const std::string& why) { maker_.on_broken(client, why); });
        ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    }

    Measurement run() {
        Instant now = clock_.now();
        if (measured_from_ <= start_) begin_measuring();
        while (!over(now)) {
            if (!measuring_ && now >= measured_from_) begin_measuring();
            const std::uint64_t sent = send_due(now);
            const std::size_t received = receive();
            const Instant after = clock_.now();
            if (sent + received > 0) worked_ += after - now;
            else wait(after);
            now = sent + received > 0 ? after : clock_.now();
            housekeeping(now);
        }
        if (!measurement_.stopped) send_due(now);  // what came due just before the end
        end_measuring(now);
        drain();
        return result(now);
    }

private:
    struct Sender {
        bool client = true;
        std::uint32_t member = 0;
    };
    Sender sender_of(std::uint32_t flow) const noexcept {
        if (both_) return {.client = flow % 2 == 0, .member = flow / 2};
        return {.client = !to_client_, .member = flow};
    }
    // The flow that ends at this member's client, or at its peer.
    bool ends_here(std::uint32_t flow, bool client, std::uint32_t member) const noexcept {
        const Sender sender = sender_of(flow);
        if (fleet_.relay_to_relay) return sender.member == (member ^ 1);
        return sender.member == member && (plan_.echo || sender.client != client);
    }

    std::uint64_t limit_of(const TrafficPlan& plan) const noexcept {
        const std::uint64_t packets = plan.packets_per_flow == 0 ? UINT64_MAX : plan.packets_per_flow * flows_;
        if (plan.duration <= Nanoseconds::zero()) return packets;
        return std::min(packets, schedule_.due_by(measured_from_ + plan.duration - 1ns));
    }
    bool over(Instant now) {
        if (stop_ != 0) {
            measurement_.stopped = true;
            return true;
        }
        if (plan_.duration > Nanoseconds::zero()) return now >= measured_from_ + plan_.duration;
        return next_ >= limit_;
    }

    void begin_measuring() {
        measuring_ = true;
        worked_ = {};
        drops_before_ = drops();
        failed_before_ = maker_.failures().total();
        cpu_before_ = cpu_last_ = cpu_.read();
        began_ = last_line_ = clock_.now();
        measurement_.relayed = 0;
    }
    void end_measuring(Instant now) {
        if (!measuring_) begin_measuring();  // stopped in the warm-up
        measurement_.cpu = cpu_.read() - cpu_before_;
        measurement_.elapsed = now - began_;
        measurement_.generator.load = share(worked_, measurement_.elapsed);
        relayed_counts_ = false;
        measurement_.failed = maker_.failures().total() - failed_before_;
        const std::uint64_t due = std::min(schedule_.due_by(now), limit_);
        const std::uint64_t before = measured_from_ <= start_ ? 0 : schedule_.due_by(measured_from_ - 1ns);
        measurement_.generator.planned = due > before ? due - before : 0;
    }

    std::uint64_t send_due(Instant now) {
        const std::uint64_t due = std::min(schedule_.due_by(now), limit_);
        const std::uint64_t first = next_;
        while (next_ < due && next_ - first < kSendBudget) {
            const auto burst = static_cast<unsigned>(std::min<std::uint64_t>(schedule_.burst() - next_ % schedule_.burst(), due - next_));
            send_burst(burst, now);
        }
        if (next_ != first) {
            link_.flush();
            if (peers_ != nullptr) peers_->flush();
        }
        return next_ - first;
    }

    void send_burst(unsigned packets, Instant now) {
        const std::uint32_t flow = schedule_.flow(next_);
        const Instant due = schedule_.due(next_);
        const Sender sender = sender_of(flow);
        const FleetMember& member = fleet_.members[sender.member];
        const std::size_t offset = sender.client ? payload_offset(framing_, member) : 0;
        std::size_t used = 0;
        for (unsigned i = 0; i < packets; ++i, ++next_) {
            const ByteSpan out = ByteSpan{space_}.subspan(used);
            Payload{.flow = flow, .sequence = sequences_[flow], .scheduled = due}.write(out.subspan(offset, plan_.size));
            const std::size_t size = sender.client ? seal(out, framing_, member, plan_.size, next_) : plan_.size;
            const bool whole = i + 1 == packets || (i + 1) % kSegmentsMax == 0 || used + 2 * size > kSegmentedBytesMax;
            if (!plan_.segments) {
                if (!emit(sender, out.first(size), 0)) {
                    if (ledger_.counts(due)) ++measurement_.generator.refused;
                    continue;
                }
            } else {
                used += size;
                if (whole) {
                    emit(sender, ByteView{space_}.first(used), used > size ? size : 0);
                    used = 0;
                }
            }
            ++sequences_[flow];
            if (!ledger_.counts(due)) continue;
            ++ledger_.of(due).sent;
            const Nanoseconds slip = now - due;
            measurement_.generator.slip.add(slip);
            if (slip > GeneratorHealth::kLate) ++measurement_.generator.late;
        }
    }

    bool emit(const Sender& sender, ByteView bytes, std::size_t segment) {
        if (!sender.client) {
            peers_->send(sender.member, relayed_[sender.member], bytes, segment);
            return true;
        }
        return segment == 0 ? link_.send(sender.member, bytes) : link_.send_burst(sender.member, bytes, segment);
    }

    std::size_t receive() {
        std::size_t total = 0;
        for (int round = 0; round < kReceiveRounds; ++round) {
            const std::size_t count = receive_once();
            total += count;
            if (count < DatagramPort::kBatch) break;
        }
        return total;
    }

    std::size_t receive_once() {
        std::size_t count = 0;
        if (peers_ != nullptr) {
            bool first = true;
            count += peers_->receive([&](std::uint32_t member, SocketName& from, ByteView bytes) {
                if (std::exchange(first, false)) received_at_ = clock_.now();
                if (plan_.echo) {
                    if (relayed_counts_) ++measurement_.relayed;
                    peers_->send(member, from, bytes);
                } else {
                    judge(member, false, bytes);
                }
            });
            if (plan_.echo && count > 0) peers_->flush();
        }
        bool first = true;
        count += link_.receive([&](std::uint32_t member, ByteView bytes) {
            if (std::exchange(first, false)) received_at_ = clock_.now();
            if (const auto payload = payload_of(bytes, fleet_.members[member])) return judge(member, true, *payload);
            if (stun::classify(bytes) == stun::Kind::Stun) return maker_.on_message(member, bytes, received_at_);
            ++measurement_.damaged;
        });
        return count;
    }

    void judge(std::uint32_t member, bool client, ByteView bytes) {
        const auto payload = Payload::read(bytes);
        if (!payload || bytes.size() != plan_.size || payload->flow >= flows_ || payload->sequence >= sequences_[payload->flow] ||
            !ends_here(payload->flow, client, member)) {
            ++measurement_.damaged;
            return;
        }
        if (relayed_counts_) ++measurement_.relayed;
        const Nanoseconds latency = received_at_ - payload->scheduled;
        const auto arrival = meters_[payload->flow].received(payload->sequence, latency);
        if (!ledger_.counts(payload->scheduled)) return;
        ledger_.of(payload->scheduled).arrived(arrival, bytes.size(), latency);
        last_news_ = received_at_;
    }

    void housekeeping(Instant now) {
        if (now < next_housekeeping_) return;
        next_housekeeping_ = now + kHousekeepingEvery;
        maker_.tick(now);
        link_.flush();
        ledger_.roll(now, [&](Instant from, Instant to, const Delivery& span) { close_span(now, from, to, span); });
    }

    void close_span(Instant now, Instant from, Instant to, const Delivery& span) {
        const CpuUse cpu = cpu_.read();
        const CpuUse used = cpu - cpu_last_;
        const Nanoseconds wall = now - last_line_;
        Interval interval{.from = seconds_since(from),
                          .to = seconds_since(to),
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
        measurement_.intervals.push_back(interval);
        if (on_interval_) on_interval_(interval);
    }

    void wait(Instant now) {
        const Nanoseconds gap = next_ < limit_ ? schedule_.due(next_) - now : kSleepMax;
        if (plan_.spin || gap < 2 * kWakeUp) return;
        sleep(std::min(gap - kWakeUp, kSleepMax));
    }
    void sleep(Nanoseconds time) {
        std::array<pollfd, 2> wanted{pollfd{.fd = link_.descriptor(), .events = POLLIN, .revents = 0},
                                     pollfd{.fd = peers_ != nullptr ? peers_->descriptor() : -1, .events = POLLIN, .revents = 0}};
        const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(std::max(time, Nanoseconds::zero()).count())};
        ::ppoll(wanted.data(), wanted.size(), &timeout, nullptr);
    }

    // What is under way may still come.
    void drain() {
        last_news_ = clock_.now();
        for (Instant now = last_news_; ledger_.missing() > 0 && now < last_news_ + plan_.drain; now = clock_.now()) {
            if (receive() == 0) sleep(kHousekeepingEvery);
            maker_.tick(now);
            link_.flush();
        }
    }

    Measurement result(Instant end) {
        ledger_.finish(end, [&](Instant from, Instant to, const Delivery& span) { close_span(end, from, to, span); });
        measurement_.delivery = ledger_.total();
        measurement_.generator.drops = drops() - drops_before_;
        measurement_.flows = flows_;
        std::int64_t sum = 0, counted = 0;
        for (const FlowMeter& meter : meters_) {
            if (!meter.any()) continue;
            sum += meter.jitter().count();
            ++counted;
            measurement_.jitter_max = std::max(measurement_.jitter_max, meter.jitter());
        }
        if (counted > 0) measurement_.jitter_mean = Nanoseconds{sum / counted};
        return std::move(measurement_);
    }

    std::uint64_t drops() const { return link_.drops() + (peers_ != nullptr ? peers_->drops() + peers_->refused() : 0); }
    double seconds_since(Instant t) const { return std::chrono::duration<double>(t - measured_from_).count(); }
    static double share(Nanoseconds part, Nanoseconds whole) {
        return whole.count() > 0 ? static_cast<double>(part.count()) / static_cast<double>(whole.count()) : 0;
    }

    FleetMaker& maker_;
    const Fleet& fleet_;
    ClientLink& link_;
    DatagramPort* peers_;
    Framing framing_;
    const Clock& clock_;
    CpuMeter& cpu_;
    const volatile std::sig_atomic_t& stop_;
    const TrafficPlan& plan_;
    const Traffic::OnInterval& on_interval_;

    bool both_, to_client_;
    std::uint32_t flows_;
    Instant start_, measured_from_;
    OpenSchedule schedule_;
    std::uint64_t limit_;  // packets of the whole run
    SpanLedger ledger_;
    std::vector<std::uint64_t> sequences_;  // the next one of each flow
    std::vector<FlowMeter> meters_;
    std::vector<SocketName> relayed_;
    std::uint64_t next_ = 0;  // packets sent so far

    bool measuring_ = false, relayed_counts_ = true;
    Instant began_{}, last_line_{}, last_news_{}, next_housekeeping_{}, received_at_{};
    Nanoseconds worked_{}, worked_last_{};
    CpuUse cpu_before_, cpu_last_;
    std::uint64_t drops_before_ = 0, failed_before_ = 0;
    Measurement measurement_;
    std::array<std::uint8_t, 2 * kSegmentedBytesMax> space_{};
};

}  // namespace

Measurement Traffic::run(const TrafficPlan& plan) {
    return std::make_unique<TrafficRun>(maker_, link_, peers_, framing_, clock_, cpu_, stop_, plan, on_interval_)->run();
}

}  // namespace turnpike::bench
