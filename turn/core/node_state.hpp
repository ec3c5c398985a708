#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/clock.hpp"

namespace turnpike::core {

/// Live allocations per realm and subject, and of the whole node: what quotas compare with. Control
/// plane only.
///
/// Threading  any
class AllocationQuota {
public:
    /// Counts `units` more, if that stays within both limits (0: none).
    bool reserve(std::string_view realm, std::string_view subject, std::uint32_t subject_max, std::uint32_t total_max,
                 std::uint32_t units = 1);
    /// Counts one more without asking: a restored allocation.
    void restore(std::string_view realm, std::string_view subject);
    void release(std::string_view realm, std::string_view subject, std::uint32_t units = 1);

    std::uint32_t of(std::string_view realm, std::string_view subject) const;
    std::uint32_t total() const noexcept { return total_.load(std::memory_order_relaxed); }

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::uint32_t> counts_;
    std::atomic<std::uint32_t> total_{0};
};

/// Revoked subjects and until when. Ends nothing by itself: Server::kill does that.
///
/// Threading  any
class Revocations {
public:
    void revoke(std::string_view realm, std::string_view subject, WallTime until);
    bool revoked(std::string_view realm, std::string_view subject, WallTime now) const;
    void forget_before(WallTime now);
    struct Entry {
        std::string realm, subject;
        WallTime until;
    };
    std::vector<Entry> list() const;

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Entry> entries_;
    std::atomic<bool> any_{false};
};

}  // namespace turnpike::core
