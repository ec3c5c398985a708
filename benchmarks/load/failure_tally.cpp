#include "benchmarks/load/failure_tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace turnpike::bench {

void FailureTally::add(std::uint16_t code, const std::string& what) {
    ++total_;
    ++codes_[code];
    const bool room = counts_.size() < kKindsMax || counts_.contains(what);
    ++counts_[room ? what : "others"];
}

std::string FailureTally::to_string() const {
    std::vector<std::pair<std::string, std::uint64_t>> sorted{counts_.begin(), counts_.end()};
    std::ranges::stable_sort(sorted,
                             [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string out;
    for (const auto& [what, count] : sorted)
        out += fmt::format("{}{} × {}", out.empty() ? "" : "\n", count, what);
    for (const auto& [code, count] : codes_) {
        if (const std::string hint = hint_for(code); !hint.empty()) out += "\n  " + hint;
    }
    return out;
}

std::string hint_for(std::uint16_t code) {
    switch (code) {
        case 0:
            return "no answer: is the server there, and are its limits on strangers lifted for the "
                   "clients' addresses? "
                   "(turnpike-relay: limits.exempt, limits.unauthenticated_per_second; it answers "
                   "50 requests of a source, then drops)";
        case 401:
            return "401: wrong secret, user or password; or the credential has expired on the "
                   "server's clock";
        case 403:
            return "403: the peer is denied (turnpike-relay: peers.mode = \"lab\" and peers.allow; "
                   "coturn: --allow-loopback-peers). "
                   "A relay's own address is no peer either: --peer-addresses";
        case 437:
            return "437: the server has an allocation for this 5-tuple already, of an earlier run; "
                   "it ends by itself";
        case 441:
            return "441: the allocation belongs to another user";
        case 442:
            return "442: the server does not relay UDP";
        case 486:
            return "486: a user's quota (turnpike-relay: quota.per_user; coturn: user-quota). With "
                   "--secret-file each client is a "
                   "user of its own";
        case 508:
            return "508: no capacity (turnpike-relay: relay.min_port to max_port, quota.total, "
                   "quota.new_peers_per_second; "
                   "coturn: min-port, max-port, total-quota; both: descriptors, LimitNOFILE=)";
        default:
            return {};
    }
}

}  // namespace turnpike::bench
