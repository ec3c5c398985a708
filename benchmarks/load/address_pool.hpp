#pragma once

#include <cstdint>
#include <optional>

#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// The addresses of a block in order, as many as a fleet uses at once on one port.
///
/// Shape   base + 1, base + 2, …: the block's own first and last address are left out, unless it
/// has
///         only one or two
class AddressPool {
public:
    explicit AddressPool(const Cidr& block) noexcept;

    /// At most 2^24.
    std::uint32_t size() const noexcept { return size_; }
    IpAddress at(std::uint32_t index) const noexcept;
    /// Nothing for an address that at() never gives.
    std::optional<std::uint32_t> index_of(const IpAddress& address) const noexcept;

private:
    std::uint32_t low_of(const IpAddress& address) const noexcept;

    IpAddress base_;
    std::uint32_t first_ = 0, size_ = 1;
};

}  // namespace turnpike::bench
