#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/endpoint.hpp"
#include "common/base/hash.hpp"

namespace turnpike::net {

/// How many stream sessions the node has, in all and per source (IPv4 address or IPv6 /64), and
/// whether there may be one more.
///
/// Threading  any; asked when a connection comes and goes, never per packet
class StreamCensus {
public:
    StreamCensus(std::size_t total_max, std::size_t per_source_max, std::vector<Cidr> exempt, HashKey key)
        : total_max_(total_max), per_source_max_(per_source_max), exempt_(std::move(exempt)), counts_(0, Hash{key}) {}

    /// A place among the sessions, given back at the end.
    class Place {
    public:
        Place() noexcept = default;
        Place(Place&& other) noexcept : census_(std::exchange(other.census_, nullptr)), source_(other.source_) {}
        Place& operator=(Place&& other) noexcept {
            std::swap(census_, other.census_);
            std::swap(source_, other.source_);
            return *this;
        }
        ~Place() {
            if (census_ != nullptr) census_->leave(source_);
        }

    private:
        friend class StreamCensus;
        Place(StreamCensus& census, const IpAddress& source) noexcept : census_(&census), source_(source) {}
        StreamCensus* census_ = nullptr;
        IpAddress source_;
    };

    std::optional<Place> enter(const IpAddress& client);
    HashKey hash_key() const noexcept { return counts_.hash_function().key; }
    std::size_t total() const noexcept { return total_.load(std::memory_order_relaxed); }

private:
    struct Hash {
        HashKey key;
        std::size_t operator()(const IpAddress& a) const noexcept { return static_cast<std::size_t>(key(a.raw())); }
    };

    void leave(const IpAddress& source) noexcept;

    std::size_t total_max_, per_source_max_;
    std::vector<Cidr> exempt_;
    std::mutex mutex_;
    std::unordered_map<IpAddress, std::size_t, Hash> counts_;
    std::atomic<std::size_t> total_{0};
};

}  // namespace turnpike::net
