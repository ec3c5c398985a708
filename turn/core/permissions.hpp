#pragma once

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
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
/// Most allocations have one or a few, which are looked through; beyond kScanned an index finds them.
///
/// Source  RFC 8656 §9
class Permissions {
public:
    static constexpr std::size_t kScanned = 8;

    bool live(const IpAddress& peer, Instant now) const noexcept {
        const Permission* const found = find(peer);
        return found != nullptr && now < found->until;
    }
    /// Installs or refreshes; the token proves that the policy was asked. `key` is the index's.
    void install(const PolicyToken& token, Instant until, HashKey key) {
        const IpAddress& peer = token.address();
        if (const Permission* const found = find(peer)) {
            all_[static_cast<std::size_t>(found - all_.data())].until = until;
            return;
        }
        all_.push_back({peer, until});
        if (index_) index_->emplace(peer, static_cast<std::uint32_t>(all_.size() - 1));
        else if (all_.size() > kScanned) make_index(key);
    }

    std::size_t size() const noexcept { return all_.size(); }
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
    /// Drops those for which gone(address, until); how many.
    template <typename Gone>
    std::size_t erase_if(Gone&& gone) {
        const auto end = std::remove_if(all_.begin(), all_.end(), [&](const Permission& one) { return gone(one.peer, one.until); });
        const auto dropped = static_cast<std::size_t>(all_.end() - end);
        if (dropped == 0) return 0;
        all_.erase(end, all_.end());
        if (all_.size() <= 1) all_.shrink_to_fit();
        if (all_.size() <= kScanned) index_.reset();
        else make_index(index_->hash_function().key);
        return dropped;
    }
    template <typename Each>
    void for_each(Each&& each) const {
        for (const Permission& one : all_) each(one.peer, one.until);
    }

private:
    struct Permission {
        IpAddress peer;
        Instant until;
    };
    using Index = boost::unordered_flat_map<IpAddress, std::uint32_t, IpAddressHash>;  // places in all_

    const Permission* find(const IpAddress& peer) const noexcept {
        if (index_) {
            const auto found = index_->find(peer);
            return found == index_->end() ? nullptr : &all_[found->second];
        }
        for (const Permission& one : all_) {
            if (one.peer == peer) return &one;
        }
        return nullptr;
    }
    void make_index(HashKey key) {
        index_ = std::make_unique<Index>(2 * all_.size(), IpAddressHash{key});
        for (std::size_t i = 0; i < all_.size(); ++i) index_->emplace(all_[i].peer, static_cast<std::uint32_t>(i));
    }

    boost::container::small_vector<Permission, 1> all_;
    std::unique_ptr<Index> index_;  // while there are more than kScanned
};

}  // namespace turnpike::core
