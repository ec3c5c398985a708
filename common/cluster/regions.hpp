#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::cluster {

/// Which region an address is in: blocks and their regions, the longest that holds the address
/// wins.
///
/// Errors     a block that is there already keeps its place and takes the new region
/// Threading  a value; find() is const
class RegionTable {
public:
    void add(const Cidr& block, std::string region);

    /// Empty when no block holds the address. An IPv4-mapped IPv6 address is looked up as the IPv4
    /// address.
    std::string_view find(const IpAddress& address) const noexcept;

    std::size_t size() const noexcept { return entries_.size(); }

private:
    struct Entry {
        Cidr block;
        std::string region;
    };
    std::vector<Entry> entries_;  // by family, then the longest blocks first, then by address
};

}  // namespace turnpike::cluster
