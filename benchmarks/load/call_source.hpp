#pragma once

#include <deque>
#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/datagram_port.hpp"
#include "benchmarks/load/fleet_maker.hpp"
#include "benchmarks/load/open_loop.hpp"
#include "benchmarks/load/scenario.hpp"

namespace turnpike::bench {

/// A scenario's calls as a load: people join (an allocation is set up), talk, and leave.
///
/// Shape      a member has four streams: audio and video, to its peer and from it. Stream s belongs
/// to
///            member s / 4. Everything that is to happen is an event in one queue
/// Lifetime   borrows all that it is made of
/// Threading  one thread
class CallSource final : public LoadSource {
public:
    CallSource(FleetMaker& maker, ClientLink& link, DatagramPort& peers, Framing framing,
               const Scenario& scenario, Instant start, const Clock& clock);

    std::uint64_t send_due(Instant now, std::uint64_t budget, LoadBook& book) override;
    Instant next_due() override { return events_.front().due; }
    std::uint64_t backlog(Instant to) override;
    std::size_t receive(LoadBook& book) override;
    void tick(Instant now) override;
    std::array<int, 2> descriptors() const override {
        return {link_.descriptor(), peers_.descriptor()};
    }
    std::uint64_t drops() const override {
        return link_.drops() + peers_.drops() + peers_.refused();
    }
    std::uint64_t failures() const override { return maker_.failures().total(); }
    void finish(Measurement& measurement) override;

    /// Time from joining to being able to talk.
    const Histogram& joins() const noexcept { return joins_; }
    std::uint64_t calls() const noexcept { return calls_; }
    /// Calls that did not begin, since so many were live.
    std::uint64_t turned_away() const noexcept { return turned_away_; }

private:
    enum class What : std::uint8_t { CallBegins, MemberLeaves, MemberCloses, StreamSends };
    struct Event {
        Instant due{};
        What what{};
        std::uint32_t subject = 0;  // a member, or a stream
        std::uint32_t life = 0;     // of the member: events of an earlier one are void
        bool operator<(const Event& other) const noexcept {
            return due > other.due;
        }  // the heap's top is the earliest
    };
    struct Member {
        std::uint32_t life = 0;
        bool video = false, talking = false;
        bool gone = false;  // left before its set-up was done
        Instant joined{};
    };
    struct Stream {
        std::uint64_t next = 0;  // sequence
        FlowMeter meter;
    };

    void push(Event event);
    void begin_call(Instant due, Instant now);
    void on_ready(std::uint32_t member, Nanoseconds took);
    std::uint64_t send(std::uint32_t stream, Instant due, Instant now, LoadBook& book);
    void judge(std::uint32_t member, bool client, ByteView bytes, Instant now, LoadBook& book);
    bool is_video(std::uint32_t stream) const noexcept { return stream % 4 >= 2; }
    bool is_up(std::uint32_t stream) const noexcept { return stream % 2 == 0; }  // from the client
    std::size_t size_of(std::uint32_t stream) const noexcept {
        return is_video(stream) ? scenario_.video.size : scenario_.audio.size;
    }
    std::uint32_t burst_of(std::uint32_t stream) const noexcept {
        return is_video(stream) ? scenario_.video.packets_per_frame : 1;
    }
    Nanoseconds period_of(std::uint32_t stream) const noexcept;

    FleetMaker& maker_;
    ClientLink& link_;
    DatagramPort& peers_;
    Framing framing_;
    const Scenario& scenario_;
    const Clock& clock_;
    std::vector<Event> events_;  // a heap
    std::vector<Member> members_;
    std::vector<Stream> streams_;
    std::deque<std::uint32_t> idle_;
    double video_owed_ = 0;  // so that the share is kept exactly
    std::uint64_t calls_ = 0, turned_away_ = 0, sent_ = 0;
    Instant now_{};
    Histogram joins_;
};

}  // namespace turnpike::bench
