#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"
#include "turn/core/peer_policy.hpp"

namespace turnpike::core {

struct IpAddressHash {
    using is_avalanching = void;
    HashKey key;
    std::size_t operator()(const IpAddress& address) const noexcept {
        return static_cast<std::size_t>(key(address.bytes()));
    }
};

/// The permissions of one allocation: peer IP addresses, without ports, each until its expiry. Own
/// relayed addresses are kept in their external form.
///
/// Source  RFC 8656 §9
class Permissions {
public:
    explicit Permissions(HashKey key) : until_(0, IpAddressHash{key}) {}

    bool live(const IpAddress& peer, Instant now) const noexcept {
        const auto found = until_.find(peer);
        return found != until_.end() && now < found->second;
    }
    /// Installs or refreshes; the token proves that the policy was asked.
    void install(const PolicyToken& peer, Instant until) { until_.insert_or_assign(peer.address(), until); }

    std::size_t size() const noexcept { return until_.size(); }
    /// Drops those that have expired; when the next one will.
    std::optional<Instant> sweep(Instant now) {
        std::optional<Instant> next;
        erase_if([&](const IpAddress&, Instant until) {
            if (until <= now) return true;
            if (!next || until < *next) next = until;
            return false;
        });
        return next;
    }
    /// Drops those for which gone(address, until).
    template <typename Gone>
    void erase_if(Gone&& gone) {
        boost::unordered::erase_if(until_, [&](const auto& item) { return gone(item.first, item.second); });
    }
    template <typename Each>
    void for_each(Each&& each) const {
        for (const auto& [peer, until] : until_) each(peer, until);
    }

private:
    boost::unordered_flat_map<IpAddress, Instant, IpAddressHash> until_;
};

}  // namespace turnpike::core
