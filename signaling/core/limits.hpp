#pragma once

#include <vector>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "signaling/core/messages.hpp"

namespace turnpike::signaling {

/// `per_second` on average, `burst` at once.
struct Rate {
    double per_second = 0;
    double burst = 0;
};

/// What one session, one source address and the whole process may do.
struct Limits {
    MessageLimits message;

    // Per session.
    Rate messages{50, 200};
    Rate errors{5, 100};  // refusals that are answered; beyond, the session is closed
    Rate signal{30, 100};
    Rate chat{1, 10};
    Rate presence{5, 20};
    Rate ice{6.0 / 60, 6};
    unsigned rooms_per_session = 4;
    Seconds hello{5};

    // Per source: an IPv4 address or an IPv6 /64.
    unsigned sessions_per_source = 32;
    Rate join{20.0 / 60, 20};
    Rate create{6.0 / 60, 6};

    // Per process.
    std::size_t sessions = 10'000;
    std::size_t rooms = 10'000;

    /// Sources that no rate and no per-source limit applies to.
    std::vector<Cidr> exempt;

    bool is_exempt(const IpAddress& source) const noexcept {
        for (const Cidr& block : exempt) {
            if (block.contains(source)) return true;
        }
        return false;
    }
};

}  // namespace turnpike::signaling
