#include "turn/core/allocation.hpp"

#include <algorithm>

namespace turnpike::core {
namespace {

// A bucket holds a quarter of a second, and always a few full-size datagrams.
constexpr double kBurstSeconds = 0.25, kBurstBytesMin = 16'384, kBurstPacketsMin = 16;

Milliseconds until(Instant deadline, Instant now) noexcept {
    return std::max(Milliseconds{0}, std::chrono::duration_cast<Milliseconds>(deadline - now));
}

std::vector<AllocationRecord::Permission> permissions_of(const Allocation& allocation, Instant now) {
    std::vector<AllocationRecord::Permission> all;
    allocation.permissions.for_each([&](const IpAddress& peer, Instant deadline) {
        if (now < deadline) all.push_back({peer, until(deadline, now)});
    });
    std::ranges::sort(all, {}, &AllocationRecord::Permission::peer);
    return all;
}

std::vector<AllocationRecord::Channel> channels_of(const Allocation& allocation, Instant now) {
    std::vector<AllocationRecord::Channel> all;
    allocation.channels.for_each([&](const Channels::Channel& channel) {
        if (now < channel.until) all.push_back({channel.number.value(), channel.peer, until(channel.until, now)});
    });
    return all;
}

}  // namespace

void Allocation::limit_bandwidth(std::uint32_t kbit_s) noexcept {
    bandwidth_kbit_s = kbit_s;
    const double bytes_per_second = static_cast<double>(kbit_s) * 125.0;
    bandwidth = TokenBucket{bytes_per_second, std::max(kBurstBytesMin, bytes_per_second * kBurstSeconds)};
}

void Allocation::limit_rates(const Config& config) noexcept {
    const double per_second = config.packets_per_second;
    packets = TokenBucket{per_second, std::max(kBurstPacketsMin, per_second * kBurstSeconds)};
    new_peers = TokenBucket{config.new_peers_per_second, std::max(1.0, config.new_peers_burst)};
}

AllocationRecord Allocation::to_record(Instant now) const {
    AllocationRecord record;
    record.id = id;
    record.tuple = path.tuple;
    record.listener = path.listener;
    record.via = path.via;
    for (const Relayed& one : relayed) record.relayed.push_back(one.local);
    record.left = until(expires_at, now);
    record.age = std::chrono::duration_cast<Milliseconds>(now - opened_at);
    record.username = username;
    record.subject = subject;
    record.realm = realm;
    record.key_md5.assign(keys.md5.reveal().begin(), keys.md5.reveal().end());
    record.key_sha256.assign(keys.sha256.reveal().begin(), keys.sha256.reveal().end());
    record.third_party = third_party;
    if (authorized_until) record.authorized_left = until(*authorized_until, now);
    record.bandwidth_kbit_s = bandwidth_kbit_s;
    record.bandwidth_left = static_cast<std::uint32_t>(std::max(0.0, bandwidth.level(now)));
    record.packets_left = static_cast<std::uint32_t>(std::max(0.0, packets.level(now)));
    record.new_peers_left = static_cast<std::uint32_t>(new_peers.level(now));
    record.relay_peers_only = relay_peers_only;
    record.protocol = protocol;
    record.allocate_transaction = transaction;
    record.ticket = ticket;
    record.nonce = nonce;
    record.nonce_client = nonce_tuple.client;
    record.reservation_token = reservation.value_or(0);
    record.traffic = traffic;
    record.permissions = permissions_of(*this, now);
    record.channels = channels_of(*this, now);
    return record;
}

AllocationSummary Allocation::summary(Instant now) const {
    AllocationSummary summary;
    summary.id = id;
    summary.tuple = path.tuple;
    for (const Relayed& one : relayed) summary.relayed.push_back(one.external);
    summary.username = username;
    summary.subject = subject;
    summary.realm = realm;
    summary.age = std::chrono::duration_cast<Seconds>(now - opened_at);
    summary.left = std::chrono::duration_cast<Seconds>(until(expires_at, now));
    summary.traffic = traffic;
    summary.protocol = protocol;
    summary.connections = connections.size();
    summary.permissions = permissions_of(*this, now);
    summary.channels = channels_of(*this, now);
    return summary;
}

Nanoseconds granted_lifetime(const Config& config, std::optional<std::uint32_t> asked, Nanoseconds age) noexcept {
    const Seconds wanted = asked ? Seconds{*asked} : config.lifetime_default;
    const Seconds clamped = std::min(std::max(wanted, config.lifetime_default), config.lifetime_max);
    return std::max(Nanoseconds{0}, std::min<Nanoseconds>(clamped, config.max_session - age));
}

Nanoseconds within_authorization(Nanoseconds lifetime, std::optional<Instant> authorized_until, Instant now) noexcept {
    if (!authorized_until) return lifetime;
    return std::max(Nanoseconds{0}, std::min(lifetime, *authorized_until - now));
}

std::uint32_t lifetime_seconds(Nanoseconds left) noexcept {
    return static_cast<std::uint32_t>(std::chrono::ceil<Seconds>(std::max(left, Nanoseconds{0})).count());
}

}  // namespace turnpike::core
