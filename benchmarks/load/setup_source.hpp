#pragma once

#include <deque>
#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/fleet_maker.hpp"
#include "benchmarks/load/open_loop.hpp"
#include "benchmarks/load/open_schedule.hpp"

namespace turnpike::bench {

/// Authenticated set-ups as a load: an "arrival" is an allocation that is open towards its peer,
/// its latency the whole of 401, Allocate and ChannelBind.
///
/// Shape      closed loop (rate 0): as many at once as the window says, each member once; a set-up
/// is
///            due when it begins. Open loop: at a rate, whatever the server does, and as soon as
///            more than `live` are there the oldest is ended; its member is used again
/// Lifetime   borrows all that it is made of
/// Threading  one thread
class SetupSource final : public LoadSource {
public:
    struct Plan {
        double rate = 0;
        std::uint32_t window = 256;
        std::uint32_t live = 0;
    };

    SetupSource(FleetMaker& maker, ClientLink& link, const Plan& plan, Instant start,
                const Clock& clock);

    std::uint64_t send_due(Instant now, std::uint64_t budget, LoadBook& book) override;
    Instant next_due() override;
    std::uint64_t backlog(Instant to) override;
    std::size_t receive(LoadBook& book) override;
    void tick(Instant now) override;
    std::array<int, 2> descriptors() const override { return {link_.descriptor(), -1}; }
    std::uint64_t drops() const override { return link_.drops(); }
    std::uint64_t failures() const override { return maker_.failures().total(); }

    std::uint64_t closed() const noexcept { return closed_; }

private:
    bool closed_loop() const noexcept { return plan_.rate <= 0; }
    void begin(std::uint32_t member, Instant due, Instant now, LoadBook& book);
    void on_ready(std::uint32_t member);

    FleetMaker& maker_;
    ClientLink& link_;
    Plan plan_;
    const Clock& clock_;
    OpenSchedule schedule_;
    std::vector<Instant> due_;
    std::deque<std::uint32_t> idle_, live_;
    std::uint64_t next_ = 0, closed_ = 0;
    LoadBook* book_ = nullptr;  // while messages are read
    Instant now_{};
};

}  // namespace turnpike::bench
