#pragma once

#include <string_view>

namespace turnpike::test {

enum class Denial { Hard, Lab, Default };

struct DeniedBlock {
    std::string_view first, middle, last;
    Denial denial;
};

/// The security reference's section 4.2 and 4.3, each block by its first, a middle and its last
// address.
inline constexpr DeniedBlock kDeniedBlocks[] = {
    {"0.0.0.0", "0.1.2.3", "0.255.255.255", Denial::Hard},
    {"127.0.0.0", "127.0.0.1", "127.255.255.255", Denial::Lab},
    {"169.254.0.0", "169.254.169.254", "169.254.255.255", Denial::Hard},
    {"224.0.0.0", "230.1.2.3", "239.255.255.255", Denial::Hard},
    {"240.0.0.0", "250.1.2.3", "255.255.255.255", Denial::Hard},
    {"168.63.129.16", "168.63.129.16", "168.63.129.16", Denial::Hard},
    {"192.0.0.0", "192.0.0.192", "192.0.0.255", Denial::Default},
    {"10.0.0.0", "10.1.2.3", "10.255.255.255", Denial::Default},
    {"172.16.0.0", "172.20.1.2", "172.31.255.255", Denial::Default},
    {"192.168.0.0", "192.168.1.1", "192.168.255.255", Denial::Default},
    {"100.64.0.0", "100.100.100.200", "100.127.255.255", Denial::Default},
    {"192.0.2.0", "192.0.2.77", "192.0.2.255", Denial::Default},
    {"198.51.100.0", "198.51.100.77", "198.51.100.255", Denial::Default},
    {"203.0.113.0", "203.0.113.77", "203.0.113.255", Denial::Default},
    {"198.18.0.0", "198.19.1.2", "198.19.255.255", Denial::Default},
    {"192.88.99.0", "192.88.99.1", "192.88.99.255", Denial::Default},
    {"192.31.196.0", "192.31.196.1", "192.31.196.255", Denial::Default},
    {"192.175.48.0", "192.175.48.1", "192.175.48.255", Denial::Default},
    {"192.52.193.0", "192.52.193.1", "192.52.193.255", Denial::Default},

    {"::", "::", "::", Denial::Hard},
    {"::1", "::1", "::1", Denial::Lab},
    {"::2", "::7f00:1", "::ffff:ffff", Denial::Hard},
    {"::ffff:0.0.0.0", "::ffff:8.8.8.8", "::ffff:255.255.255.255", Denial::Hard},
    {"::ffff:0:0:0", "::ffff:0:808:808", "::ffff:0:ffff:ffff", Denial::Hard},
    {"fe80::", "fe80::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"2001::", "2001:0:4136:e378::1", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"2002::", "2002:7f00:1::1", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Hard},
    {"fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::254", Denial::Hard},
    {"fd20:ce::254", "fd20:ce::254", "fd20:ce::254", Denial::Hard},
    {"100::", "100::1", "100::ffff:ffff:ffff:ffff", Denial::Default},
    {"100:0:0:1::", "100:0:0:1::1", "100:0:0:1:ffff:ffff:ffff:ffff", Denial::Default},
    {"5f00::", "5f00:1::1", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"fc00::", "fd12:3456::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"fec0::", "fed0::1", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2001:1::", "2001:20::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2001:db8::", "2001:db8:1::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"3fff::", "3fff:abc::1", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"2620:4f:8000::", "2620:4f:8000::1", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    {"3ffe::", "3ffe:1::1", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
    // outside 2000::/3, unassigned
    {"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "400::1", "200::1", Denial::Default},
    {"4000::", "8000::1", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Denial::Default},
};

}  // namespace turnpike::test
