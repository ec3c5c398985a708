#include "turn/core/relay_directory.hpp"

#include "common/base/assert.hpp"

namespace turnpike::core {
namespace {

constexpr std::size_t kPorts = 65'536;

// An entry, one word so that it is read whole: slot (24 bits), generation (24), worker (13), whether it has a home
// (1), and 1 + RelayProtocol (2). 0: no live allocation.
constexpr int kGenerationShift = 24, kWorkerShift = 48, kHomeShift = 61, kProtocolShift = 62;
constexpr std::uint64_t kWorkersMax = 1U << (kHomeShift - kWorkerShift);

constexpr std::uint64_t mark_of(RelayProtocol protocol) noexcept { return 1 + static_cast<std::uint64_t>(protocol); }

std::uint64_t entry_of(RelayProtocol protocol, const std::optional<RelayHome>& home) noexcept {
    const std::uint64_t mark = mark_of(protocol) << kProtocolShift;
    if (!home) return mark;
    const auto [slot, generation] = home->relay;
    TURNPIKE_ASSERT(slot < RelayId::kSlotsMax && generation <= RelayId::kGenerationMax && home->worker < kWorkersMax);
    return mark | std::uint64_t{1} << kHomeShift | std::uint64_t{home->worker} << kWorkerShift |
           std::uint64_t{generation} << kGenerationShift | slot;
}

std::optional<RelayHome> home_of(std::uint64_t entry) noexcept {
    if ((entry >> kHomeShift & 1) == 0) return {};
    return RelayHome{static_cast<unsigned>(entry >> kWorkerShift & (kWorkersMax - 1)),
                     {static_cast<std::uint32_t>(entry & (RelayId::kSlotsMax - 1)),
                      static_cast<std::uint32_t>(entry >> kGenerationShift & RelayId::kGenerationMax)}};
}

}  // namespace

RelayDirectory::RelayDirectory(std::vector<Address> addresses)
    : addresses_(std::move(addresses)), live_(std::make_unique<std::atomic<std::uint64_t>[]>(addresses_.size() * kPorts)) {}

std::optional<std::size_t> RelayDirectory::index_of(const IpAddress& address) const noexcept {
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local == address || addresses_[i].external == address) return i;
    }
    return {};
}

std::optional<std::size_t> RelayDirectory::live_index(const Endpoint& endpoint) const noexcept {
    // Several local addresses may stand behind one public one; a port of it is live on one of them.
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local != endpoint.address && addresses_[i].external != endpoint.address) continue;
        if (live_[i * kPorts + endpoint.port].load(std::memory_order_relaxed) != 0) return i;
    }
    return {};
}

bool RelayDirectory::live(const Endpoint& endpoint) const noexcept { return live_index(endpoint).has_value(); }

Endpoint RelayDirectory::to_local(const Endpoint& endpoint) const noexcept {
    auto index = live_index(endpoint);
    if (!index) index = index_of(endpoint.address);
    return index ? Endpoint{addresses_[*index].local, endpoint.port} : endpoint;
}

Endpoint RelayDirectory::to_external(const Endpoint& endpoint) const noexcept {
    const auto index = index_of(endpoint.address);
    return index ? Endpoint{addresses_[*index].external, endpoint.port} : endpoint;
}

std::optional<RelayDirectory::Destination> RelayDirectory::destination(const Endpoint& peer,
                                                                       RelayProtocol protocol) const noexcept {
    bool ours = false;
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local != peer.address && addresses_[i].external != peer.address) continue;
        const std::uint64_t entry = live_[i * kPorts + peer.port].load(std::memory_order_relaxed);
        if (entry >> kProtocolShift == mark_of(protocol)) {
            return Destination{{addresses_[i].local, peer.port}, home_of(entry)};
        }
        ours = true;
    }
    if (ours) return {};
    return Destination{peer, {}};
}

void RelayDirectory::set_live(const Endpoint& local, std::optional<RelayHome> home, RelayProtocol protocol) noexcept {
    set(local, entry_of(protocol, home));
}

void RelayDirectory::set_ended(const Endpoint& local) noexcept { set(local, 0); }

void RelayDirectory::set(const Endpoint& local, std::uint64_t entry) noexcept {
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local == local.address) {
            live_[i * kPorts + local.port].store(entry, std::memory_order_relaxed);
        }
    }
}

}  // namespace turnpike::core
