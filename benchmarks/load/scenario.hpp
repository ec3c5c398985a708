#pragma once

#include <expected>
#include <string>

#include "common/base/clock.hpp"

namespace turnpike::bench {

/// Calls that come and go, as `mixed` plays them.
///
/// Shape  each participant has an allocation and a peer; audio flows both ways at an even rate,
/// video
///        (of a part of them) in frames, each a burst of packets
struct Scenario {
    struct Calls {
        double per_second = 1;  // that begin
        std::uint32_t participants = 2;
        std::uint32_t live_max = 100;  // calls at once; more do not begin
        Milliseconds length{10'000};
    } calls;
    struct Audio {
        double packets_per_second = 50;
        std::size_t size = 160;
    } audio;
    struct Video {
        double share = 0.5;  // of the participants, 0 to 1
        double frames_per_second = 30;
        std::uint32_t packets_per_frame = 6;
        std::size_t size = 1100;
    } video;

    std::uint32_t members() const noexcept { return calls.live_max * calls.participants; }
};

/// A scenario from TOML; or every mistake in it, with its place.
std::expected<Scenario, std::string> read_scenario(const std::string& file);
/// The same for text at hand.
std::expected<Scenario, std::string> parse_scenario(std::string_view text, std::string name);

}  // namespace turnpike::bench
