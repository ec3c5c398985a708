#include "benchmarks/load/call_source.hpp"

#include <algorithm>
#include <array>

#include "benchmarks/load/packet_framing.hpp"
#include "benchmarks/load/payload.hpp"
#include "turn/stun/demux.hpp"

namespace turnpike::bench {
namespace {

constexpr Nanoseconds kHangUp =
    500ms;  // from the last packet to the end of the allocation: what is under way arrives
constexpr std::uint32_t kStreams = 4;  // of a member

Nanoseconds period(double per_second) {
    return Nanoseconds{static_cast<std::int64_t>(1e9 / per_second)};
}

}  // namespace

CallSource::CallSource(FleetMaker& maker, ClientLink& link, DatagramPort& peers, Framing framing,
                       const Scenario& scenario, Instant start, const Clock& clock)
    : maker_(maker),
      link_(link),
      peers_(peers),
      framing_(framing),
      scenario_(scenario),
      clock_(clock),
      members_(maker.size()),
      streams_(maker.size() * kStreams) {
    for (std::uint32_t i = 0; i < maker.size(); ++i) idle_.push_back(i);
    maker_.on_events(
        {.ready = [this](std::uint32_t member, Nanoseconds took) { on_ready(member, took); },
         .closed = [this](std::uint32_t member, Nanoseconds) { idle_.push_back(member); },
         .failed =
             [this](std::uint32_t member) {
                 ++members_[member].life;
                 members_[member].talking = false;
                 idle_.push_back(member);
             }});
    link_.on_broken(
        [this](std::uint32_t client, const std::string& why) { maker_.on_broken(client, why); });
    push({start, What::CallBegins, 0, 0});
}

Nanoseconds CallSource::period_of(std::uint32_t stream) const noexcept {
    return period(is_video(stream) ? scenario_.video.frames_per_second
                                   : scenario_.audio.packets_per_second);
}

void CallSource::push(Event event) {
    events_.push_back(event);
    std::push_heap(events_.begin(), events_.end());
}

std::uint64_t CallSource::send_due(Instant now, std::uint64_t budget, LoadBook& book) {
    std::uint64_t count = 0;
    now_ = now;
    while (events_.front().due <= now && count < budget) {
        std::pop_heap(events_.begin(), events_.end());
        const Event event = events_.back();
        events_.pop_back();
        switch (event.what) {
            case What::CallBegins:
                push({event.due + period(scenario_.calls.per_second), What::CallBegins, 0, 0});
                begin_call(event.due, now);
                ++count;
                break;
            case What::MemberLeaves:
                if (members_[event.subject].life != event.life) break;
                members_[event.subject].talking = false;
                push({event.due + kHangUp, What::MemberCloses, event.subject, event.life});
                break;
            case What::MemberCloses:
                if (members_[event.subject].life != event.life) break;
                ++members_[event.subject].life;
                if (maker_.is_ready(event.subject))
                    maker_.close(event.subject, now);
                else
                    members_[event.subject].gone = true;
                break;
            case What::StreamSends: {
                const Member& member = members_[event.subject / kStreams];
                if (member.life != event.life || !member.talking) break;
                push({event.due + period_of(event.subject), What::StreamSends, event.subject,
                      event.life});
                count += send(event.subject, event.due, now, book);
                break;
            }
        }
    }
    if (count > 0) {
        link_.flush();
        peers_.flush();
    }
    return count;
}

void CallSource::begin_call(Instant due, Instant now) {
    if (idle_.size() < scenario_.calls.participants) {
        ++turned_away_;
        return;
    }
    ++calls_;
    for (std::uint32_t i = 0; i < scenario_.calls.participants; ++i) {
        const std::uint32_t member = idle_.front();
        idle_.pop_front();
        video_owed_ += scenario_.video.share;
        Member& joining = members_[member];
        ++joining.life;
        joining.gone = false;
        joining.video = video_owed_ >= 1;
        if (joining.video) video_owed_ -= 1;
        joining.joined = due;
        push({due + scenario_.calls.length, What::MemberLeaves, member, joining.life});
        maker_.start(member, now);
    }
}

void CallSource::on_ready(std::uint32_t member, Nanoseconds) {
    Member& joined = members_[member];
    joins_.add(now_ - joined.joined);
    if (joined.gone) return maker_.close(member, now_);
    joined.talking = true;
    for (std::uint32_t i = 0; i < (joined.video ? kStreams : 2U); ++i) {
        const std::uint32_t stream = member * kStreams + i;
        // The two directions take turns.
        push({now_ + (is_up(stream) ? Nanoseconds::zero() : period_of(stream) / 2),
              What::StreamSends, stream, joined.life});
    }
}

std::uint64_t CallSource::send(std::uint32_t stream, Instant due, Instant now, LoadBook& book) {
    const std::uint32_t number = stream / kStreams;
    const FleetMember& member = maker_.fleet().members[number];
    const std::size_t size = size_of(stream),
                      offset = is_up(stream) ? payload_offset(framing_, member) : 0;
    std::array<std::uint8_t, DatagramPort::kDatagramMax> space;
    for (std::uint32_t i = 0; i < burst_of(stream); ++i) {
        Payload{.flow = stream, .sequence = streams_[stream].next, .scheduled = due}.write(
            ByteSpan{space}.subspan(offset, size));
        if (is_up(stream)) {
            if (!link_.send(number,
                            ByteView{space}.first(seal(space, framing_, member, size, sent_)))) {
                book.refused(due);
                continue;
            }
        } else {
            peers_.send(number, SocketName{member.relayed}, ByteView{space}.first(size));
        }
        ++streams_[stream].next;
        book.sent(due, now);
    }
    sent_ += burst_of(stream);
    return burst_of(stream);
}

std::uint64_t CallSource::backlog(Instant to) {
    std::uint64_t sum = 0;
    for (const Event& event : events_) {
        const bool waits = event.what == What::StreamSends && event.due < to &&
                           members_[event.subject / kStreams].life == event.life;
        if (waits) sum += burst_of(event.subject);
    }
    return sum;
}

std::size_t CallSource::receive(LoadBook& book) {
    now_ = clock_.now();
    std::size_t count = peers_.receive([&](std::uint32_t member, SocketName&, ByteView bytes) {
        judge(member, false, bytes, now_, book);
    });
    count += link_.receive([&](std::uint32_t member, ByteView bytes) {
        if (const auto payload = payload_of(bytes, maker_.fleet().members[member]))
            return judge(member, true, *payload, now_, book);
        if (stun::classify(bytes) == stun::Kind::Stun)
            return maker_.on_message(member, bytes, now_);
        book.damaged();
    });
    if (count > 0) link_.flush();
    return count;
}

void CallSource::judge(std::uint32_t member, bool client, ByteView bytes, Instant now,
                       LoadBook& book) {
    const auto payload = Payload::read(bytes);
    const std::uint32_t stream = payload ? payload->flow : 0;
    if (!payload || stream / kStreams != member || is_up(stream) == client ||
        bytes.size() != size_of(stream) || payload->sequence >= streams_[stream].next) {
        return book.damaged();
    }
    book.relayed();
    book.arrived(payload->scheduled,
                 streams_[stream].meter.received(payload->sequence, now - payload->scheduled),
                 bytes.size(), now);
}

void CallSource::tick(Instant now) {
    now_ = now;
    maker_.tick(now);
    link_.flush();
}

void CallSource::finish(Measurement& measurement) {
    std::int64_t sum = 0;
    for (const Stream& stream : streams_) {
        if (!stream.meter.any()) continue;
        ++measurement.flows;
        sum += stream.meter.jitter().count();
        measurement.jitter_max = std::max(measurement.jitter_max, stream.meter.jitter());
    }
    if (measurement.flows > 0) measurement.jitter_mean = Nanoseconds{sum / measurement.flows};
}

}  // namespace turnpike::bench
