#include "common/base/port_range.hpp"

#include <gtest/gtest.h>

namespace turnpike {
namespace {

TEST(PortRange, IsReadAndWritten) {
    for (const std::string_view text : {"1", "443", "1024-65535", "1-2"}) {
        const auto range = PortRange::parse(text);
        ASSERT_TRUE(range) << text;
        EXPECT_EQ(range->to_string(), text);
    }
    for (const std::string_view text :
         {"", "0", "65536", "-1", "5-4", "0-5", "80-", "-80", " 80", "80x", "1-2-3", "+1"}) {
        EXPECT_FALSE(PortRange::parse(text)) << text;
    }
    const auto range = PortRange::parse("80-82");
    EXPECT_TRUE(range->contains(80) && range->contains(82));
    EXPECT_FALSE(range->contains(79) || range->contains(83));
}

TEST(CidrPorts, AreReadAndWritten) {
    for (const std::string_view text :
         {"10.20.0.0/16", "10.20.0.0/16:443", "10.20.0.0/16:1-65535", "fd12:3456::/48",
          "fd12:3456::/48:10000-20000", "192.0.2.1/32:53"}) {
        const auto allow = CidrPorts::parse(text);
        ASSERT_TRUE(allow) << text;
        EXPECT_EQ(allow->to_string(), text);
    }
    EXPECT_EQ(CidrPorts::parse("192.0.2.1")->to_string(), "192.0.2.1/32");
    for (const std::string_view text :
         {"", "10.20.0.1/16", "10.20.0.0/16:", "10.20.0.0/16:0", "10.20.0.0/16:5-4",
          "10.20.0.0/16:1-65536", "10.20.0.0/16:+1", "10.20.0.0/16:80-", "10.20.0.0/16:-80",
          "10.20.0.0/16:80:90", "192.0.2.1:80", "10.20.0.0/33:80", "host/8:80"}) {
        EXPECT_FALSE(CidrPorts::parse(text)) << text;
    }
}

}  // namespace
}  // namespace turnpike
