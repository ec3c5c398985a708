#pragma once

#include <csignal>
#include <expected>
#include <string>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/fleet_maker.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// Makes a whole fleet and ends it: so many requests at once, until all have their answer.
///
/// Lifetime   borrows all that it is made of
/// Threading  one thread
class FleetDriver {
public:
    struct Options {
        std::uint32_t window = 256;  // set-ups that are under way at once
        Nanoseconds patience = 10s;  // without any progress
        bool progress = false;       // a line a second on stderr
    };

    FleetDriver(FleetMaker& maker, ClientLink& link, const Clock& clock,
                const volatile std::sig_atomic_t& stop, Options options)
        : maker_(maker), link_(link), clock_(clock), stop_(stop), options_(options) {}

    /// All members, or what kept them from it: which refusal, how often, and where to look.
    std::expected<void, std::string> make_all();
    /// Ends every allocation. A server that does not answer changes nothing about what was
    /// measured.
    void close_all();

    /// Receives, hands on and sends what is there; waits until `until` when nothing is.
    void turn(Instant until);

private:
    void print_progress();

    FleetMaker& maker_;
    ClientLink& link_;
    const Clock& clock_;
    const volatile std::sig_atomic_t& stop_;
    Options options_;
    Instant next_line_{};
    std::size_t printed_ = 0;
};

}  // namespace turnpike::bench
