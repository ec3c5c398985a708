#include "turn/server/node.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace turnpike::relay {
namespace {

constexpr Seconds kStuckAfter = 5s;

}  // namespace

void LoadMeter::sample(Instant now) {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto nanoseconds = [](const timeval& t) {
        return Nanoseconds{Seconds{t.tv_sec}} + std::chrono::microseconds{t.tv_usec};
    };
    const Nanoseconds used = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
    if (last_ != Instant{} && now > last_) {
        const double processors = std::max(1U, std::thread::hardware_concurrency());
        const double part = std::chrono::duration<double>(used - last_used_).count() /
                            std::chrono::duration<double>(now - last_).count() / processors;
        busy_ += (std::clamp(part, 0.0, 1.0) - busy_) * 0.5;
    }
    last_ = now;
    last_used_ = used;
}

double Node::load_now(const net::Snapshot& snapshot) {
    const auto part = [](std::size_t used, std::size_t of) {
        return of == 0 ? 0.0 : static_cast<double>(used) / static_cast<double>(of);
    };
    const double fullest =
        std::max({part(snapshot.ports_used, snapshot.ports_capacity),
                  part(snapshot.allocations, config.net.core.allocations_total), load.processor()});
    return std::clamp(fullest, 0.0, 1.0);
}

bool Node::alive(const net::Snapshot& snapshot) const {
    const Instant now = clock.now();
    return std::all_of(snapshot.heartbeats.begin(), snapshot.heartbeats.end(),
                       [&](Instant beat) { return now - beat < kStuckAfter; });
}

}  // namespace turnpike::relay
