#include "turn/core/node_state.hpp"

#include <algorithm>

namespace turnpike::core {
namespace {

// Neither part contains a NUL: usernames and realms are text.
std::string key_of(std::string_view realm, std::string_view subject) {
    std::string key;
    key.reserve(realm.size() + 1 + subject.size());
    key.append(realm);
    key.push_back('\0');
    key.append(subject);
    return key;
}

}  // namespace

bool AllocationQuota::reserve(std::string_view realm, std::string_view subject, std::uint32_t subject_max,
                              std::uint32_t total_max, std::uint32_t units) {
    const std::lock_guard lock{mutex_};
    const auto within = [units](std::uint32_t taken, std::uint32_t max) {
        return max == 0 || (taken < max && units <= max - taken);
    };
    if (!within(total_.load(std::memory_order_relaxed), total_max)) return false;
    std::string key = key_of(realm, subject);
    const auto found = counts_.find(key);
    if (!within(found == counts_.end() ? 0 : found->second, subject_max)) return false;
    if (found != counts_.end()) {
        found->second += units;
    } else {
        counts_.emplace(std::move(key), units);
    }
    total_.fetch_add(units, std::memory_order_relaxed);
    return true;
}

void AllocationQuota::restore(std::string_view realm, std::string_view subject) {
    const std::lock_guard lock{mutex_};
    ++counts_[key_of(realm, subject)];
    total_.fetch_add(1, std::memory_order_relaxed);
}

void AllocationQuota::release(std::string_view realm, std::string_view subject, std::uint32_t units) {
    const std::lock_guard lock{mutex_};
    const auto found = counts_.find(key_of(realm, subject));
    if (found == counts_.end()) return;
    units = std::min(units, found->second);
    found->second -= units;
    if (found->second == 0) counts_.erase(found);
    total_.fetch_sub(units, std::memory_order_relaxed);
}

std::uint32_t AllocationQuota::of(std::string_view realm, std::string_view subject) const {
    const std::lock_guard lock{mutex_};
    const auto found = counts_.find(key_of(realm, subject));
    return found == counts_.end() ? 0 : found->second;
}

void Revocations::revoke(std::string_view realm, std::string_view subject, WallTime until) {
    const std::lock_guard lock{mutex_};
    Entry& entry = entries_[key_of(realm, subject)];
    entry.realm = realm;
    entry.subject = subject;
    entry.until = std::max(entry.until, until);
    any_.store(true, std::memory_order_release);
}

bool Revocations::revoked(std::string_view realm, std::string_view subject, WallTime now) const {
    if (!any_.load(std::memory_order_acquire)) return false;
    const std::lock_guard lock{mutex_};
    const auto found = entries_.find(key_of(realm, subject));
    return found != entries_.end() && now < found->second.until;
}

void Revocations::forget_before(WallTime now) {
    const std::lock_guard lock{mutex_};
    std::erase_if(entries_, [&](const auto& item) { return item.second.until <= now; });
    any_.store(!entries_.empty(), std::memory_order_release);
}

std::vector<Revocations::Entry> Revocations::list() const {
    std::vector<Entry> all;
    {
        const std::lock_guard lock{mutex_};
        all.reserve(entries_.size());
        for (const auto& [key, entry] : entries_) all.push_back(entry);
    }
    std::ranges::sort(all, {}, [](const Entry& e) { return std::tie(e.realm, e.subject); });
    return all;
}

}  // namespace turnpike::core
