#include "common/base/endpoint.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/base/five_tuple.hpp"

namespace turnpike {
namespace {

TEST(IpAddress, ReadsAndPrintsBothFamilies) {
    for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                             "fe80::1:2:3:4", "::ffff:192.0.2.1", "2001:db8:1234:5678:11:2233:4455:6677"}) {
        const auto address = IpAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_string(), text);
    }
    EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->to_string(), "2001:db8::1");
}

TEST(IpAddress, RefusesWhatIsNone) {
    for (const char* text : {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "0x7f.0.0.1",
                             "2130706433", "127.1", "localhost", ":", ":::", "1::2::3", "12345::", "::1%lo", "[::1]", "::1/128",
                             "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::g"}) {
        EXPECT_FALSE(IpAddress::parse(text)) << text;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view{"1.2.3.4\0", 8})) << "a NUL ends nothing";
}

// A mapped address stays IPv6: whoever treats it as its IPv4 does so by choice.
TEST(IpAddress, AMappedAddressIsIpv6) {
    const auto mapped = IpAddress::parse("::ffff:127.0.0.1");
    ASSERT_TRUE(mapped);
    EXPECT_EQ(mapped->family(), Family::V6);
    EXPECT_NE(*mapped, *IpAddress::parse("127.0.0.1"));
    EXPECT_FALSE(mapped->is_loopback());
}

TEST(IpAddress, KnowsLoopbackAndUnspecified) {
    EXPECT_TRUE(IpAddress::parse("127.0.0.1")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("127.255.255.255")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
    EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
    EXPECT_FALSE(IpAddress::parse("1::1")->is_loopback());
    EXPECT_TRUE(IpAddress{}.is_unspecified());
    EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
    EXPECT_FALSE(IpAddress::parse("::1")->is_unspecified());
    EXPECT_NE(IpAddress{}, *IpAddress::parse("::")) << "the families differ";
}

TEST(IpAddress, IsMadeFromNumbersAndBytes) {
    EXPECT_EQ(IpAddress::v4(0xC0000201), *IpAddress::parse("192.0.2.1"));
    const std::uint8_t four[] = {192, 0, 2, 1};
    EXPECT_EQ(IpAddress::v4(ByteView{four}), *IpAddress::parse("192.0.2.1"));
    const IpAddress six = *IpAddress::parse("2001:db8::1");
    EXPECT_EQ(IpAddress::v6(six.bytes()), six);
    EXPECT_EQ(six.bytes().size(), 16U);
    EXPECT_EQ(IpAddress{}.bytes().size(), 4U);
}

TEST(Endpoint, ReadsAndPrints) {
    for (const char* text : {"192.0.2.1:3478", "0.0.0.0:0", "192.0.2.1:65535", "[::1]:1", "[2001:db8::1]:443"}) {
        const auto endpoint = Endpoint::parse(text);
        ASSERT_TRUE(endpoint) << text;
        EXPECT_EQ(endpoint->to_string(), text);
    }
}

TEST(Endpoint, RefusesWhatIsNone) {
    for (const char* text : {"", ":", ":3478", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1",
                             "192.0.2.1:3478x", "192.0.2.1: 3478", "192.0.2.1:03478", "192.0.2.1:99999999999999999999", "::1:3478",
                             "[::1]", "[::1]:", "[::1", "::1]:1", "[192.0.2.1]:3478", "[]:1", "[[::1]]:1", "example.org:3478"}) {
        EXPECT_FALSE(Endpoint::parse(text)) << text;
    }
}

TEST(Endpoint, GoesToASocketAddressAndBack) {
    for (const char* text : {"192.0.2.1:3478", "[2001:db8::1]:65535", "[::]:0"}) {
        const Endpoint endpoint = *Endpoint::parse(text);
        sockaddr_storage storage{};
        const unsigned length = endpoint.to(storage);
        EXPECT_EQ(length, endpoint.address.is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        EXPECT_EQ(Endpoint::from(reinterpret_cast<const sockaddr&>(storage)), endpoint);
    }
    sockaddr_storage local{};
    local.ss_family = AF_UNIX;
    EXPECT_EQ(Endpoint::from(reinterpret_cast<const sockaddr&>(local)), Endpoint{});
}

TEST(Endpoint, DiffersByPortAndByAddress) {
    const Endpoint a = *Endpoint::parse("192.0.2.1:1"), b = *Endpoint::parse("192.0.2.1:2"), c = *Endpoint::parse("192.0.2.2:1");
    EXPECT_NE(a, b);
    EXPECT_NE(a, c);
    EXPECT_LT(a, b);
    EXPECT_LT(b, c);
}

TEST(Transport, HasItsName) {
    EXPECT_EQ(to_string(Transport::Udp), "udp");
    EXPECT_EQ(to_string(Transport::Dtls), "dtls");
    EXPECT_TRUE(is_stream(Transport::Tcp));
    EXPECT_TRUE(is_stream(Transport::Tls));
    EXPECT_FALSE(is_stream(Transport::Udp));
    EXPECT_FALSE(is_stream(Transport::Dtls));
}

TEST(Cidr, ReadsAndPrints) {
    for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "192.0.2.128/25", "::/0", "2001:db8::/32", "::1/128", "fe80::/10"}) {
        const auto cidr = Cidr::parse(text);
        ASSERT_TRUE(cidr) << text;
        EXPECT_EQ(cidr->to_string(), text);
    }
    EXPECT_EQ(Cidr::parse("192.0.2.1")->length, 32) << "an address alone is itself";
    EXPECT_EQ(Cidr::parse("::1")->length, 128);
}

TEST(Cidr, RefusesHostBitsAndBadLengths) {
    for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/08", "10.0.0.0/8/8",
                             "10.0.0.1/8", "10.0.0.0/4", "192.0.2.129/25", "2001:db8::/129", "2001:db8::1/64", "8000::/0", "0.0.0.1/0",
                             "10.0.0/8", "::ffff:10.0.0.0/8"}) {
        EXPECT_FALSE(Cidr::parse(text)) << text;
    }
}

TEST(Cidr, ContainsItsBlockAndNothingElse) {
    struct Case {
        const char *block, *first, *last, *before, *after;
    };
    for (const Case& c : {Case{"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
                          Case{"172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"},
                          Case{"192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.2.127", "192.0.3.0"},
                          Case{"192.0.2.1/32", "192.0.2.1", "192.0.2.1", "192.0.2.0", "192.0.2.2"},
                          Case{"fe80::/10", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe7f::", "fec0::"},
                          Case{"2001:db8::/33", "2001:db8::", "2001:db8:7fff::", "2001:db7::", "2001:db8:8000::"},
                          Case{"::1/128", "::1", "::1", "::", "::2"}}) {
        const Cidr block = *Cidr::parse(c.block);
        EXPECT_TRUE(block.contains(*IpAddress::parse(c.first))) << c.block;
        EXPECT_TRUE(block.contains(*IpAddress::parse(c.last))) << c.block;
        EXPECT_FALSE(block.contains(*IpAddress::parse(c.before))) << c.block;
        EXPECT_FALSE(block.contains(*IpAddress::parse(c.after))) << c.block;
    }
}

TEST(Cidr, KeepsTheFamiliesApart) {
    EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("255.255.255.255")));
    EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("::")));
    EXPECT_FALSE(Cidr::parse("::/0")->contains(*IpAddress::parse("0.0.0.0")));
    EXPECT_FALSE(Cidr::parse("127.0.0.0/8")->contains(*IpAddress::parse("::ffff:127.0.0.1")));
}

TEST(FiveTuple, HashesEveryPart) {
    const FiveTuple base{*Endpoint::parse("192.0.2.1:1"), *Endpoint::parse("192.0.2.2:2"), Transport::Udp};
    const FiveTupleHash hash{{1, 2}};
    FiveTuple other = base;
    EXPECT_EQ(hash(other), hash(base));
    other.client.port = 3;
    EXPECT_NE(hash(other), hash(base));
    other = base;
    other.server.address = *IpAddress::parse("192.0.2.3");
    EXPECT_NE(hash(other), hash(base));
    other = base;
    other.transport = Transport::Tcp;
    EXPECT_NE(hash(other), hash(base));
    other = base;
    other.client.address = IpAddress::v6(ByteView{base.client.address.raw()});  // the same bytes, as IPv6
    EXPECT_NE(hash(other), hash(base));
    EXPECT_NE(FiveTupleHash({{1, 3}})(base), hash(base)) << "another key";
}

}  // namespace
}  // namespace turnpike
