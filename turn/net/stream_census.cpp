#include "turn/net/stream_census.hpp"

#include <algorithm>

namespace turnpike::net {
namespace {

IpAddress source_of(const IpAddress& client) noexcept {
    if (client.is_v4()) return client;
    auto raw = client.raw();
    std::fill(raw.begin() + 8, raw.end(), std::uint8_t{0});
    return IpAddress::v6(raw);
}

}  // namespace

std::optional<StreamCensus::Place> StreamCensus::enter(const IpAddress& client) {
    const IpAddress source = source_of(client);
    const bool exempt = std::ranges::any_of(exempt_, [&](const Cidr& block) { return block.contains(client); });
    const std::lock_guard lock{mutex_};
    if (total_.load(std::memory_order_relaxed) >= total_max_) return {};
    const auto it = counts_.find(source);
    if ((it == counts_.end() ? 0 : it->second) >= per_source_max_ && !exempt) return {};
    ++counts_[source];
    total_.fetch_add(1, std::memory_order_relaxed);
    return Place{*this, source};
}

void StreamCensus::leave(const IpAddress& source) noexcept {
    const std::lock_guard lock{mutex_};
    total_.fetch_sub(1, std::memory_order_relaxed);
    const auto it = counts_.find(source);
    if (it != counts_.end() && --it->second == 0) counts_.erase(it);
}

}  // namespace turnpike::net
