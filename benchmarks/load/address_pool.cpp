#include "benchmarks/load/address_pool.hpp"

#include <algorithm>
#include <array>

namespace turnpike::bench {
namespace {

constexpr unsigned kHostBitsMax = 24;

}  // namespace

AddressPool::AddressPool(const Cidr& block) noexcept : base_(block.base) {
    const unsigned host_bits = (base_.is_v4() ? 32U : 128U) - block.length;
    const std::uint32_t all = 1U << std::min(host_bits, kHostBitsMax);
    first_ = all > 2 ? 1 : 0;
    size_ = all > 2 ? all - 2 : all;
}

// Block and address agree in all but the last 24 bits, which have no carry out of them.
std::uint32_t AddressPool::low_of(const IpAddress& address) const noexcept {
    return load_u32(address.bytes(), address.bytes().size() - 4);
}

IpAddress AddressPool::at(std::uint32_t index) const noexcept {
    std::array<std::uint8_t, 16> raw = base_.raw();
    const std::size_t size = base_.bytes().size();
    store_u32(raw, size - 4, low_of(base_) + first_ + index);
    return base_.is_v4() ? IpAddress::v4(ByteView{raw}.first(4)) : IpAddress::v6(raw);
}

std::optional<std::uint32_t> AddressPool::index_of(const IpAddress& address) const noexcept {
    if (address.family() != base_.family()) return {};
    const std::size_t high = base_.bytes().size() - 4;
    if (!std::equal(base_.raw().begin(), base_.raw().begin() + high, address.raw().begin()))
        return {};
    const std::uint32_t index = low_of(address) - low_of(base_) - first_;
    if (index >= size_) return {};
    return index;
}

}  // namespace turnpike::bench
