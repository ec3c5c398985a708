#include "common/config/address_ranges.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnpike::config {
namespace {

std::string blocks(std::string_view range) {
    std::string text;
    for (const Cidr& block : to_blocks(*AddressRange::parse(range)))
        text += block.to_string() + " ";
    return text;
}

std::string left(std::vector<const char*> from, std::vector<const char*> without) {
    std::vector<AddressRange> a, b;
    for (const char* each : from) a.push_back(*AddressRange::parse(each));
    for (const char* each : without) b.push_back(*AddressRange::parse(each));
    std::string text;
    for (const AddressRange& range : subtract(a, b))
        text += range.first.to_string() + "-" + range.last.to_string() + " ";
    return text;
}

TEST(AddressRanges, AreReadAsAddressRangeOrBlock) {
    EXPECT_EQ(blocks("10.0.0.1"), "10.0.0.1/32 ");
    EXPECT_EQ(blocks("10.0.0.9/8"), "10.0.0.0/8 ");
    EXPECT_EQ(blocks(" 10.0.0.0 - 10.0.0.1 "), "10.0.0.0/31 ");
    for (const char* none : {"", "-", "10.0.0.1-", "-10.0.0.1", "10.0.0.2-10.0.0.1", "10.0.0.1-::1",
                             "10.0.0.0/33", "10.0.0.0/", "host", "10.0.0.0/8/9", "1-2-3"})
        EXPECT_FALSE(AddressRange::parse(none)) << none;
}

TEST(AddressRanges, BecomeTheFewestBlocks) {
    EXPECT_EQ(blocks("0.0.0.0-255.255.255.255"), "0.0.0.0/0 ");
    EXPECT_EQ(blocks("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0 ");
    EXPECT_EQ(blocks("255.255.255.255"), "255.255.255.255/32 ");
    EXPECT_EQ(blocks("83.166.64.0-83.166.95.255"), "83.166.64.0/19 ");
    EXPECT_EQ(blocks("10.0.0.1-10.0.0.6"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32 ");
    EXPECT_EQ(blocks("2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"), "2001::/23 ");
    EXPECT_EQ(to_blocks(*AddressRange::parse("0.0.0.1-255.255.255.254")).size(), 62U);
    EXPECT_EQ(to_blocks(*AddressRange::parse("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")).size(),
              254U);
}

TEST(AddressRanges, AreSubtracted) {
    EXPECT_EQ(left({"10.0.0.0-10.0.0.9"}, {}), "10.0.0.0-10.0.0.9 ");
    EXPECT_EQ(left({"10.0.0.0-10.0.0.9"}, {"10.0.0.3-10.0.0.4"}),
              "10.0.0.0-10.0.0.2 10.0.0.5-10.0.0.9 ");
    EXPECT_EQ(left({"10.0.0.0-10.0.0.9"}, {"10.0.0.0", "10.0.0.9"}), "10.0.0.1-10.0.0.8 ");
    EXPECT_EQ(left({"10.0.0.0-10.0.0.9"}, {"0.0.0.0/0"}), "");
    EXPECT_EQ(left({"10.0.0.5-10.0.0.9", "10.0.0.0-10.0.0.6", "10.0.0.10"}, {}),
              "10.0.0.0-10.0.0.10 ");
    EXPECT_EQ(left({"10.0.0.0-10.0.0.3", "10.0.0.8-10.0.0.9"}, {"10.0.0.2-10.0.0.8"}),
              "10.0.0.0-10.0.0.1 10.0.0.9-10.0.0.9 ");
    EXPECT_EQ(left({"fe80::/10", "10.0.0.0/31"},
                   {"10.0.0.1", "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}),
              "10.0.0.0-10.0.0.0 "
              "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff ");
    EXPECT_EQ(left({"::/0", "0.0.0.0/0"}, {"255.255.255.255", "::"}),
              "0.0.0.0-255.255.255.254 ::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ");
}

}  // namespace
}  // namespace turnpike::config
