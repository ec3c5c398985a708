#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/random.hpp"

namespace turnpike::core {

/// The node's relayed transport addresses that are kept for a second Allocate: the next higher port of
/// an EVEN-PORT with its R bit. That Allocate may arrive on another worker, so they are kept here.
///
/// A reservation holds one unit of its subject's quota, which goes over to the allocation that takes
/// it. Whoever takes it out, the Allocate with its token or the deadline, owns the port and the unit.
///
/// Threading  any; control plane only
/// Source     RFC 8656 §7.2, §18.10
class Reservations {
public:
    /// RESERVATION-TOKEN: 8 bytes that nobody guesses. They open nothing for another subject.
    using Token = std::uint64_t;
    static constexpr Seconds kLifetime{30};  // §7.2: at least 30 seconds

    struct Reservation {
        std::string realm, subject;
        Endpoint local;
        Instant until;
    };

    Token keep(Reservation reservation, Random& random);
    /// The address, once; nothing for a token that is unknown, used, expired or another subject's.
    std::optional<Endpoint> take(Token token, std::string_view realm, std::string_view subject, Instant now);
    /// What is left of it at its deadline; nothing when it was taken.
    std::optional<Reservation> end(Token token);

    std::size_t size() const;

private:
    mutable std::mutex mutex_;
    std::unordered_map<Token, Reservation> reservations_;
};

}  // namespace turnpike::core
