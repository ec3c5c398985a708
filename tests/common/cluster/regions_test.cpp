#include "common/cluster/regions.hpp"

#include <gtest/gtest.h>

namespace turnpike::cluster {
namespace {

RegionTable table() {
    RegionTable table;
    for (const auto& [block, region] : {std::pair{"10.0.0.0/8", "ten"},
                                        {"10.1.0.0/16", "fra"},
                                        {"10.1.2.0/24", "nyc"},
                                        {"10.1.2.3/32", "one"},
                                        {"2001:db8::/32", "six"},
                                        {"2001:db8:1::/48", "syd"}}) {
        table.add(*Cidr::parse(block), region);
    }
    return table;
}

std::string_view find(const RegionTable& table, std::string_view address) {
    return table.find(*IpAddress::parse(address));
}

TEST(RegionTable, TakesTheLongestBlock) {
    const RegionTable regions = table();
    EXPECT_EQ(find(regions, "10.200.0.1"), "ten");
    EXPECT_EQ(find(regions, "10.1.0.0"), "fra");
    EXPECT_EQ(find(regions, "10.1.255.255"), "fra");
    EXPECT_EQ(find(regions, "10.1.2.4"), "nyc");
    EXPECT_EQ(find(regions, "10.1.2.3"), "one");
    EXPECT_EQ(find(regions, "2001:db8:2::1"), "six");
    EXPECT_EQ(find(regions, "2001:db8:1:ffff::1"), "syd");
}

TEST(RegionTable, KnowsNothingOfOtherAddresses) {
    const RegionTable regions = table();
    EXPECT_EQ(find(regions, "11.0.0.1"), "");
    EXPECT_EQ(find(regions, "2001:db9::1"), "");
    EXPECT_EQ(find(RegionTable{}, "10.0.0.1"), "");
}

TEST(RegionTable, LooksUpMappedAddressesAsIpv4) {
    EXPECT_EQ(find(table(), "::ffff:10.1.2.3"), "one");
}

TEST(RegionTable, HoldsTheWholeInternet) {
    RegionTable regions;
    regions.add(*Cidr::parse("0.0.0.0/0"), "v4");
    regions.add(*Cidr::parse("::/0"), "v6");
    EXPECT_EQ(find(regions, "255.255.255.255"), "v4");
    EXPECT_EQ(find(regions, "ffff::1"), "v6");
}

TEST(RegionTable, LetsTheLaterEntryOfABlockWin) {
    RegionTable regions = table();
    regions.add(*Cidr::parse("10.1.0.0/16"), "ams");
    EXPECT_EQ(find(regions, "10.1.9.9"), "ams");
    EXPECT_EQ(regions.size(), 6U);
}

}  // namespace
}  // namespace turnpike::cluster
