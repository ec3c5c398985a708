#include "common/cluster/watches.hpp"

#include <algorithm>

namespace turnpike::cluster {

Watches::Id Watches::add(std::string channel, std::function<void()> woken) {
    const std::lock_guard lock{mutex_};
    watches_.emplace(next_, Watch{std::move(channel), std::move(woken)});
    return next_++;
}

std::string Watches::remove(Id id) {
    const std::lock_guard lock{mutex_};
    const auto at = watches_.find(id);
    if (at == watches_.end()) return {};
    std::string channel = std::move(at->second.channel);
    watches_.erase(at);
    const bool wanted = std::ranges::any_of(
        watches_, [&](const auto& watch) { return watch.second.channel == channel; });
    return wanted ? std::string{} : channel;
}

// A copy of the callback: it may end its own watch, or another's that is due.
void Watches::wake_one(Id id) const {
    std::function<void()> woken;
    {
        const std::lock_guard lock{mutex_};
        if (const auto at = watches_.find(id); at != watches_.end()) woken = at->second.woken;
    }
    if (woken) woken();
}

void Watches::wake(std::string_view channel) const {
    std::vector<Id> due;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [id, watch] : watches_) {
            if (watch.channel == channel) due.push_back(id);
        }
    }
    for (const Id id : due) wake_one(id);
}

void Watches::wake_all() const {
    std::vector<Id> due;
    {
        const std::lock_guard lock{mutex_};
        for (const auto& [id, watch] : watches_) due.push_back(id);
    }
    for (const Id id : due) wake_one(id);
}

std::vector<std::string> Watches::channels() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> out;
    for (const auto& [id, watch] : watches_) out.push_back(watch.channel);
    std::ranges::sort(out);
    const auto [first, last] = std::ranges::unique(out);
    out.erase(first, last);
    return out;
}

bool Watches::empty() const {
    const std::lock_guard lock{mutex_};
    return watches_.empty();
}

}  // namespace turnpike::cluster
