#include "benchmarks/load/address_pool.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

AddressPool pool(const char* block) {
    return AddressPool{*Cidr::parse(block)};
}

TEST(AddressPool, LeavesTheEndsOfABlockOut) {
    const AddressPool addresses = pool("127.1.0.0/16");
    EXPECT_EQ(addresses.size(), 65534U);
    EXPECT_EQ(addresses.at(0).to_string(), "127.1.0.1");
    EXPECT_EQ(addresses.at(255).to_string(), "127.1.1.0");
    EXPECT_EQ(addresses.at(65533).to_string(), "127.1.255.254");
}

TEST(AddressPool, OneAddressIsItself) {
    EXPECT_EQ(pool("::1/128").size(), 1U);
    EXPECT_EQ(pool("::1/128").at(0).to_string(), "::1");
    EXPECT_EQ(pool("10.0.0.2/31").size(), 2U);
    EXPECT_EQ(pool("10.0.0.2/31").at(0).to_string(), "10.0.0.2");
}

TEST(AddressPool, IsBoundedInALargeBlock) {
    const AddressPool addresses = pool("fd00:1::/64");
    EXPECT_EQ(addresses.size(), (1U << 24) - 2);
    EXPECT_EQ(addresses.at(0).to_string(), "fd00:1::1");
    EXPECT_EQ(addresses.at(0xFFFF).to_string(), "fd00:1::1:0");
}

TEST(AddressPool, FindsWhatItGaveAndNothingElse) {
    for (const char* block : {"127.1.0.0/16", "::1/128", "fd00:1::/64", "10.0.0.2/31"}) {
        const AddressPool addresses = pool(block);
        for (const std::uint32_t index : {0U, addresses.size() / 2, addresses.size() - 1})
            EXPECT_EQ(addresses.index_of(addresses.at(index)), index) << block;
    }
    EXPECT_FALSE(pool("127.1.0.0/16").index_of(*IpAddress::parse("127.1.0.0")));
    EXPECT_FALSE(pool("127.1.0.0/16").index_of(*IpAddress::parse("127.1.255.255")));
    EXPECT_FALSE(pool("127.1.0.0/16").index_of(*IpAddress::parse("127.2.0.1")));
    EXPECT_FALSE(pool("fd00:1::/64").index_of(*IpAddress::parse("fd00:2::1")));
    EXPECT_FALSE(pool("fd00:1::/64").index_of(*IpAddress::parse("127.1.0.1")));
}

}  // namespace
}  // namespace turnpike::bench
