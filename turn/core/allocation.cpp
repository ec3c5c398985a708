#include "turn/core/allocation.hpp"

#include <algorithm>

#include "common/base/slab.hpp"
#include "turn/core/relay_directory.hpp"

namespace turnpike::core {
namespace {

// A bucket holds a quarter of a second, and always a few full-size datagrams.
constexpr double kBurstSeconds = 0.25, kBurstBytesMin = 16'384, kBurstPacketsMin = 16;

Milliseconds until(Instant deadline, Instant now) noexcept {
    return std::max(Milliseconds{0}, std::chrono::duration_cast<Milliseconds>(deadline - now));
}

void permissions_of(const Allocation& allocation, Instant now, std::vector<AllocationRecord::Permission>& all) {
    all.clear();
    allocation.permissions.for_each([&](const IpAddress& peer, Instant deadline) {
        if (now < deadline) all.push_back({peer, until(deadline, now)});
    });
    std::ranges::sort(all, {}, &AllocationRecord::Permission::peer);
}

void channels_of(const Allocation& allocation, Instant now, std::vector<AllocationRecord::Channel>& all) {
    all.clear();
    allocation.channels.for_each([&](const Channels::Channel& channel) {
        if (now < channel.until) all.push_back({channel.number.value(), channel.peer, until(channel.until, now)});
    });
}

}  // namespace

const Allocation::Uncommon Allocation::kNothingUncommon;

#ifdef __SANITIZE_ADDRESS__
// So that it sees what is used after its end.
void* Allocation::operator new(std::size_t size) { return ::operator new(size); }
void Allocation::operator delete(void* allocation) noexcept { ::operator delete(allocation); }
#else
namespace {

Slab& allocations() {
    static Slab& slab = *new Slab{sizeof(Allocation)};  // outlives everything
    return slab;
}

}  // namespace
void* Allocation::operator new(std::size_t) { return allocations().take(); }
void Allocation::operator delete(void* allocation) noexcept { allocations().give_back(allocation); }
#endif

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
    fill(record, config, now);
    record.credential = CredentialRecord{credential->view()};
    return record;
}

void Allocation::fill(AllocationRecord& record, const Config& config, Instant now) const {
    const Uncommon& also = uncommon();
    record.id = id;
    record.tuple = path.tuple;
    record.listener = path.listener;
    record.via = path.via;
    record.relayed.clear();
    for (const Relayed& one : relayed) record.relayed.push_back(one.local);
    record.left = until(expires_at, now);
    record.age = std::chrono::duration_cast<Milliseconds>(now - opened_at);
    record.authorized_left.reset();
    if (also.authorized_until) record.authorized_left = until(*also.authorized_until, now);
    const auto whole = [](double tokens) { return static_cast<std::uint32_t>(std::max(0.0, tokens)); };
    record.bandwidth_left = rates ? whole(rates->bandwidth.level(now)) : 0;
    record.packets_left = rates ? whole(rates->packets.level(now)) : 0;
    record.new_peers_left = whole(new_peers.level(config.new_peers(), now));
    record.protocol = protocol;
    record.allocate_transaction = transaction;
    record.ticket = also.ticket;
    record.nonce = also.nonce;
    record.nonce_client = also.nonce_tuple.client;
    record.reservation_token = also.reservation.value_or(0);
    record.traffic = traffic;
    permissions_of(*this, now, record.permissions);
    channels_of(*this, now, record.channels);
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
    permissions_of(*this, now, summary.permissions);
    channels_of(*this, now, summary.channels);
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
