#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.hpp"

namespace turnpike::config {

/// Addresses of one family from `first` to `last`, both included.
struct AddressRange {
    IpAddress first, last;

    /// "10.0.0.1", "10.0.0.0-10.255.255.255", and a block, "10.0.0.0/8", whose host bits do not
    /// matter.
    ///
    /// Errors  the end of a sentence: "is no address, ..."
    static std::expected<AddressRange, std::string> parse(std::string_view text);
    bool overlaps(const AddressRange& other) const noexcept;

    friend bool operator==(const AddressRange&, const AddressRange&) noexcept = default;
};

/// The fewest blocks that make up the range: at most 62 for IPv4, 254 for IPv6.
std::vector<Cidr> to_blocks(const AddressRange& range);

/// What is in one of `from` and in none of `without`, in order, without overlaps.
std::vector<AddressRange> subtract(std::vector<AddressRange> from,
                                   std::vector<AddressRange> without);

}  // namespace turnpike::config
