#include "benchmarks/load/traffic.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "benchmarks/load/open_schedule.hpp"
#include "benchmarks/load/packet_framing.hpp"
#include "benchmarks/load/payload.hpp"
#include "turn/stun/demux.hpp"

namespace turnpike::bench {
namespace {

constexpr std::size_t kSegmentsMax = 64,
                      kSegmentedBytesMax = 65000;  // UDP_MAX_SEGMENTS of older kernels
constexpr Nanoseconds kAhead = 1ms;                // of the schedule's start

class FleetSource final : public LoadSource {
public:
    FleetSource(FleetMaker& maker, ClientLink& link, DatagramPort* peers, Framing framing,
                const Clock& clock, const TrafficPlan& plan, Instant start)
        : maker_(maker),
          fleet_(maker.fleet()),
          link_(link),
          peers_(peers),
          framing_(framing),
          clock_(clock),
          plan_(plan),
          both_(!fleet_.relay_to_relay && plan.direction == Direction::Both && !plan.echo),
          to_client_(!fleet_.relay_to_relay && plan.direction == Direction::ToClient && !plan.echo),
          flows_(static_cast<std::uint32_t>(fleet_.members.size()) * (both_ ? 2U : 1U)),
          schedule_(start, plan.packets_per_second, plan.burst, flows_),
          limit_(plan.packets_per_flow == 0 ? UINT64_MAX : plan.packets_per_flow * flows_),
          sequences_(flows_),
          meters_(flows_),
          relayed_(fleet_.members.size()) {
        for (std::size_t i = 0; i < relayed_.size(); ++i)
            relayed_[i] = SocketName{fleet_.members[i].relayed};
        link_.on_broken([this](std::uint32_t client, const std::string& why) {
            maker_.on_broken(client, why);
        });
    }

    std::uint64_t send_due(Instant now, std::uint64_t budget, LoadBook& book) override {
        const std::uint64_t due = std::min(schedule_.due_by(now), limit_);
        const std::uint64_t first = next_;
        while (next_ < due && next_ - first < budget) {
            send_burst(
                std::min<std::uint64_t>(schedule_.burst() - next_ % schedule_.burst(), due - next_),
                now, book);
        }
        if (next_ != first) {
            link_.flush();
            if (peers_ != nullptr) peers_->flush();
        }
        return next_ - first;
    }
    Instant next_due() override { return next_ < limit_ ? schedule_.due(next_) : Instant::max(); }
    std::uint64_t backlog(Instant to) override {
        const std::uint64_t due = std::min(schedule_.due_by(to - 1ns), limit_);
        return due > next_ ? due - next_ : 0;
    }

    std::size_t receive(LoadBook& book) override {
        std::size_t count = 0;
        if (peers_ != nullptr) {
            Instant now{};
            count += peers_->receive([&](std::uint32_t member, SocketName& from, ByteView bytes) {
                if (now == Instant{}) now = clock_.now();
                if (!plan_.echo) return judge(member, false, bytes, now, book);
                book.relayed();
                peers_->send(member, from, bytes);
            });
            if (plan_.echo && count > 0) peers_->flush();
        }
        Instant now{};
        count += link_.receive([&](std::uint32_t member, ByteView bytes) {
            if (now == Instant{}) now = clock_.now();
            if (const auto payload = payload_of(bytes, fleet_.members[member]))
                return judge(member, true, *payload, now, book);
            if (stun::classify(bytes) == stun::Kind::Stun)
                return maker_.on_message(member, bytes, now);
            book.damaged();
        });
        return count;
    }

    void tick(Instant now) override {
        maker_.tick(now);
        link_.flush();
    }
    std::array<int, 2> descriptors() const override {
        return {link_.descriptor(), peers_ != nullptr ? peers_->descriptor() : -1};
    }
    std::uint64_t drops() const override {
        return link_.drops() + (peers_ != nullptr ? peers_->drops() + peers_->refused() : 0);
    }
    std::uint64_t failures() const override { return maker_.failures().total(); }

    void finish(Measurement& measurement) override {
        measurement.flows = flows_;
        std::int64_t sum = 0, counted = 0;
        for (const FlowMeter& meter : meters_) {
            if (!meter.any()) continue;
            sum += meter.jitter().count();
            ++counted;
            measurement.jitter_max = std::max(measurement.jitter_max, meter.jitter());
        }
        if (counted > 0) measurement.jitter_mean = Nanoseconds{sum / counted};
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
    // Whether the flow ends at this member's client, or at its peer.
    bool ends_here(std::uint32_t flow, bool client, std::uint32_t member) const noexcept {
        const Sender sender = sender_of(flow);
        if (fleet_.relay_to_relay) return sender.member == (member ^ 1);
        return sender.member == member && (plan_.echo || sender.client != client);
    }

    void send_burst(std::uint64_t packets, Instant now, LoadBook& book) {
        const std::uint32_t flow = schedule_.flow(next_);
        const Instant due = schedule_.due(next_);
        const Sender sender = sender_of(flow);
        const FleetMember& member = fleet_.members[sender.member];
        const std::size_t offset = sender.client ? payload_offset(framing_, member) : 0;
        std::size_t used = 0, segments = 0;
        for (std::uint64_t i = 0; i < packets; ++i, ++next_) {
            const ByteSpan out = ByteSpan{space_}.subspan(used);
            Payload{.flow = flow, .sequence = sequences_[flow], .scheduled = due}.write(
                out.subspan(offset, plan_.size));
            const std::size_t size =
                sender.client ? seal(out, framing_, member, plan_.size, next_) : plan_.size;
            if (plan_.segments) {
                used += size;
                ++segments;
                if (i + 1 == packets || segments == kSegmentsMax ||
                    used + size > kSegmentedBytesMax) {
                    emit(sender, ByteView{space_}.first(used), segments > 1 ? size : 0);
                    used = segments = 0;
                }
            } else if (!emit(sender, out.first(size), 0)) {
                book.refused(due);
                continue;
            }
            ++sequences_[flow];
            book.sent(due, now);
        }
    }

    bool emit(const Sender& sender, ByteView bytes, std::size_t segment) {
        if (!sender.client) {
            peers_->send(sender.member, relayed_[sender.member], bytes, segment);
            return true;
        }
        return segment == 0 ? link_.send(sender.member, bytes)
                            : link_.send_burst(sender.member, bytes, segment);
    }

    void judge(std::uint32_t member, bool client, ByteView bytes, Instant now, LoadBook& book) {
        const auto payload = Payload::read(bytes);
        if (!payload || bytes.size() != plan_.size || payload->flow >= flows_ ||
            payload->sequence >= sequences_[payload->flow] ||
            !ends_here(payload->flow, client, member)) {
            return book.damaged();
        }
        book.relayed();
        const auto arrival =
            meters_[payload->flow].received(payload->sequence, now - payload->scheduled);
        book.arrived(payload->scheduled, arrival, bytes.size(), now);
    }

    FleetMaker& maker_;
    const Fleet& fleet_;
    ClientLink& link_;
    DatagramPort* peers_;
    Framing framing_;
    const Clock& clock_;
    const TrafficPlan& plan_;

    bool both_, to_client_;
    std::uint32_t flows_;
    OpenSchedule schedule_;
    std::uint64_t limit_;                   // packets of the whole run
    std::vector<std::uint64_t> sequences_;  // the next one of each flow
    std::vector<FlowMeter> meters_;
    std::vector<SocketName> relayed_;
    std::uint64_t next_ = 0;  // packets so far
    std::array<std::uint8_t, kSegmentedBytesMax + 2 * DatagramPort::kDatagramMax> space_{};
};

}  // namespace

Measurement Traffic::run(const TrafficPlan& plan) {
    const Instant start = clock_.now() + kAhead;
    const auto source =
        std::make_unique<FleetSource>(maker_, link_, peers_, framing_, clock_, plan, start);
    return OpenLoop{*source, plan.loop, start, clock_, cpu_, stop_, on_interval_}.run();
}

}  // namespace turnpike::bench
