#include "benchmarks/load/fleet_driver.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "turn/stun/demux.hpp"

namespace turnpike::bench {
namespace {

constexpr Nanoseconds kTurnMax = 5ms;  // retransmissions are looked for that often
constexpr Nanoseconds kClosePatience = 2s;
constexpr std::uint64_t kFailuresMax = 100;  // then nothing new is begun

}  // namespace

std::expected<void, std::string> FleetDriver::make_all() {
    const Instant began = clock_.now();
    Instant news = began;
    next_line_ = began + 1s;
    std::size_t known = 0;
    link_.watch_errors(true);
    link_.on_broken(
        [this](std::uint32_t client, const std::string& why) { maker_.on_broken(client, why); });
    std::uint32_t next = 0;
    std::string problem;
    while (maker_.ready() < maker_.size()) {
        const Instant now = clock_.now();
        const bool giving_up = maker_.failures().total() >= kFailuresMax ||
                               (next == maker_.size() && maker_.failures().total() > 0);
        for (; next < maker_.size() && maker_.in_flight() < options_.window && !giving_up; ++next)
            maker_.start(next, now);
        link_.flush();
        if (giving_up && maker_.in_flight() == 0) break;
        turn(now + kTurnMax);
        problem = link_.failure();
        if (!problem.empty()) break;
        if (stop_ != 0) problem = "interrupted";
        if (const std::size_t done = maker_.ready() + maker_.failures().total(); done != known) {
            known = done;
            news = now;
        }
        if (now - news > options_.patience) {
            problem =
                fmt::format("{} of {} allocations after {:.0f} s, and no progress", maker_.ready(),
                            maker_.size(), std::chrono::duration<double>(now - began).count());
            if (maker_.failures().total() == 0) problem += "\n  " + hint_for(0);
        }
        if (!problem.empty()) break;
        print_progress();
    }
    link_.watch_errors(false);
    if (maker_.ready() == maker_.size()) return {};
    if (maker_.failures().total() > 0) {
        problem =
            fmt::format("{} of {} allocations could not be made{}\n{}", maker_.failures().total(),
                        maker_.size(), problem.empty() ? "" : " (" + problem + ")",
                        maker_.failures().to_string());
    }
    return std::unexpected(problem);
}

void FleetDriver::close_all() {
    // Whoever sent traffic meanwhile has listened here too, and may be gone.
    link_.on_broken(
        [this](std::uint32_t client, const std::string& why) { maker_.on_broken(client, why); });
    Instant news = clock_.now();
    std::size_t known = 0;
    for (std::uint32_t next = 0; next < maker_.size() || maker_.in_flight() > 0;) {
        const Instant now = clock_.now();
        for (; next < maker_.size() && maker_.in_flight() < options_.window; ++next) {
            if (maker_.is_ready(next)) maker_.close(next, now);
        }
        link_.flush();
        turn(now + kTurnMax);
        if (const std::size_t left = maker_.in_flight() + next; left != known) {
            known = left;
            news = now;
        }
        if (now - news > kClosePatience) return;
    }
}

void FleetDriver::turn(Instant until) {
    const auto receive = [this] {
        const Instant now = clock_.now();
        const std::size_t count = link_.receive([&](std::uint32_t client, ByteView message) {
            if (stun::classify(message) == stun::Kind::Stun)
                maker_.on_message(client, message, now);
        });
        maker_.tick(now);
        link_.flush();
        return count;
    };
    if (receive() > 0) return;
    const Nanoseconds wait = std::max(until - clock_.now(), Nanoseconds::zero());
    const timespec timeout{
        .tv_sec = 0, .tv_nsec = static_cast<long>(std::min<Nanoseconds>(wait, 500ms).count())};
    pollfd wanted{.fd = link_.descriptor(), .events = POLLIN, .revents = 0};
    if (::ppoll(&wanted, 1, &timeout, nullptr) > 0) receive();
}

void FleetDriver::print_progress() {
    const Instant now = clock_.now();
    if (!options_.progress || now < next_line_) return;
    next_line_ = now + 1s;
    fmt::print(stderr, "{} of {} allocations, {}/s\n", maker_.ready(), maker_.size(),
               maker_.ready() - printed_);
    printed_ = maker_.ready();
    std::fflush(stderr);
}

}  // namespace turnpike::bench
