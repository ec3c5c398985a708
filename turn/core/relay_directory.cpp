#include "turn/core/relay_directory.hpp"

namespace turnpike::core {
namespace {

constexpr std::size_t kPorts = 65'536;

constexpr std::uint8_t mark_of(RelayProtocol protocol) noexcept {
    return static_cast<std::uint8_t>(1 + static_cast<std::uint8_t>(protocol));
}

}  // namespace

RelayDirectory::RelayDirectory(std::vector<Address> addresses)
    : addresses_(std::move(addresses)), live_(std::make_unique<std::atomic<std::uint8_t>[]>(addresses_.size() * kPorts)) {}

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

std::optional<Endpoint> RelayDirectory::destination(const Endpoint& peer, RelayProtocol protocol) const noexcept {
    bool ours = false;
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local != peer.address && addresses_[i].external != peer.address) continue;
        if (live_[i * kPorts + peer.port].load(std::memory_order_relaxed) == mark_of(protocol)) {
            return Endpoint{addresses_[i].local, peer.port};
        }
        ours = true;
    }
    if (ours) return {};
    return peer;
}

void RelayDirectory::set_live(const Endpoint& local, bool live, RelayProtocol protocol) noexcept {
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
        if (addresses_[i].local == local.address) {
            live_[i * kPorts + local.port].store(live ? mark_of(protocol) : std::uint8_t{0}, std::memory_order_relaxed);
        }
    }
}

}  // namespace turnpike::core
