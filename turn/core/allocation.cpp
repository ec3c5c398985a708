#include "turn/core/allocation.hpp"

#include <algorithm>

#include "turn/core/relay_directory.hpp"

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

const Allocation::Uncommon Allocation::kNothingUncommon;

void Allocation::limit_rates(const Config& config) {
    new_peers = BucketLevel{config.new_peers()};
    const double bytes_per_second = static_cast<double>(credential->bandwidth_kbit_s()) * 125.0;
    const double packets_per_second = config.packets_per_second;
    if (bytes_per_second <= 0 && packets_per_second <= 0) return rates.reset();
    rates = std::make_unique<Rates>(
        Rates{{bytes_per_second, std::max(kBurstBytesMin, bytes_per_second * kBurstSeconds)},
              {packets_per_second, std::max(kBurstPacketsMin, packets_per_second * kBurstSeconds)}});
}

AllocationRecord Allocation::to_record(const Config& config, Instant now) const {
    AllocationRecord record;
    const CredentialEntry& made_with = *credential;
    const Uncommon& also = uncommon();
    record.id = id;
    record.tuple = path.tuple;
    record.listener = path.listener;
    record.via = path.via;
    for (const Relayed& one : relayed) record.relayed.push_back(one.local);
    record.left = until(expires_at, now);
    record.age = std::chrono::duration_cast<Milliseconds>(now - opened_at);
    record.username = made_with.username();
    record.subject = made_with.subject();
    record.realm = made_with.realm();
    record.key_md5.assign(made_with.key_md5().begin(), made_with.key_md5().end());
    record.key_sha256.assign(made_with.key_sha256().begin(), made_with.key_sha256().end());
    record.third_party = made_with.third_party();
    if (also.authorized_until) record.authorized_left = until(*also.authorized_until, now);
    record.bandwidth_kbit_s = made_with.bandwidth_kbit_s();
    if (rates) {
        record.bandwidth_left = static_cast<std::uint32_t>(std::max(0.0, rates->bandwidth.level(now)));
        record.packets_left = static_cast<std::uint32_t>(std::max(0.0, rates->packets.level(now)));
    }
    record.new_peers_left = static_cast<std::uint32_t>(new_peers.level(config.new_peers(), now));
    record.relay_peers_only = made_with.relay_peers_only();
    record.protocol = protocol;
    record.allocate_transaction = transaction;
    record.ticket = also.ticket;
    record.nonce = also.nonce;
    record.nonce_client = also.nonce_tuple.client;
    record.reservation_token = also.reservation.value_or(0);
    record.traffic = traffic;
    record.permissions = permissions_of(*this, now);
    record.channels = channels_of(*this, now);
    return record;
}

AllocationSummary Allocation::summary(const RelayDirectory& relays, Instant now) const {
    AllocationSummary summary;
    summary.id = id;
    summary.tuple = path.tuple;
    for (const Relayed& one : relayed) summary.relayed.push_back(relays.to_external(one.local));
    summary.username = credential->username();
    summary.subject = credential->subject();
    summary.realm = credential->realm();
    summary.age = std::chrono::duration_cast<Seconds>(now - opened_at);
    summary.left = std::chrono::duration_cast<Seconds>(until(expires_at, now));
    summary.traffic = traffic;
    summary.protocol = protocol;
    summary.connections = uncommon().connections.size();
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
