#include "signaling/net/http_rules.hpp"

#include <gtest/gtest.h>

namespace turnpike::signaling {
namespace {

TEST(PercentDecode, DecodesAndRefuses) {
    EXPECT_EQ(percent_decode("a%20b%C3%A9"), "a b\xC3\xA9");
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("a+b", true), "a b");
    for (const std::string_view bad : {"%", "%2", "%zz", "a%00b"}) EXPECT_EQ(percent_decode(bad), std::nullopt) << bad;
}

TEST(ParseTarget, TakesPathAndQueryApart) {
    const auto target = parse_target("/turn?service=turn&username=al%20ice&key=a%2Bb&service=other&flag#fragment");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/turn");
    EXPECT_EQ(target->query.at("service"), "turn");
    EXPECT_EQ(target->query.at("username"), "al ice");
    EXPECT_EQ(target->query.at("key"), "a+b");
    EXPECT_EQ(target->query.at("flag"), "");
    for (const std::string_view bad : {"", "*", "http://host/", "/%", "/?a=%2"}) EXPECT_FALSE(parse_target(bad)) << bad;
}

// security.md T43: only the page's own host, unless configured otherwise.
TEST(Origin, MustBeTheSameHostWithoutAList) {
    const std::vector<std::string> none;
    EXPECT_TRUE(origin_allowed(std::nullopt, "call.example", none));
    EXPECT_TRUE(origin_allowed("https://call.example", "call.example", none));
    EXPECT_TRUE(origin_allowed("https://CALL.example", "call.example:443", none));
    EXPECT_TRUE(origin_allowed("http://127.0.0.1:8080", "127.0.0.1:8080", none));
    EXPECT_TRUE(origin_allowed("http://[::1]:8080", "[::1]:8080", none));
    EXPECT_FALSE(origin_allowed("https://evil.example", "call.example", none));
    EXPECT_FALSE(origin_allowed("https://call.example.evil.example", "call.example", none));
    EXPECT_FALSE(origin_allowed("https://evil-call.example", "call.example", none));
    EXPECT_FALSE(origin_allowed("http://127.0.0.1:8081", "127.0.0.1:8080", none));
    EXPECT_FALSE(origin_allowed("null", "call.example", none));
    EXPECT_FALSE(origin_allowed("", "call.example", none));
    EXPECT_FALSE(origin_allowed("https://", "", none));
}

TEST(Origin, MustBeOnTheListIfThereIsOne) {
    const std::vector<std::string> list{"https://app.example/", "http://localhost:5173"};
    EXPECT_TRUE(origin_allowed("https://app.example", "call.example", list));
    EXPECT_TRUE(origin_allowed("http://localhost:5173", "call.example", list));
    EXPECT_TRUE(origin_allowed(std::nullopt, "call.example", list));
    EXPECT_FALSE(origin_allowed("https://call.example", "call.example", list));
    EXPECT_FALSE(origin_allowed("http://app.example", "call.example", list));
    EXPECT_TRUE(origin_allowed("https://anything.example", "call.example", std::vector<std::string>{"*"}));
}

TEST(ListHas, ComparesTokensWithoutCase) {
    EXPECT_TRUE(list_has("keep-alive, Upgrade", "upgrade"));
    EXPECT_TRUE(list_has(" a ,turnpike.v1,b", "turnpike.v1"));
    EXPECT_FALSE(list_has("turnpike.v10", "turnpike.v1"));
    EXPECT_FALSE(list_has("", "upgrade"));
}

TEST(WebSocketKey, IsBase64OfSixteenBytes) {
    EXPECT_TRUE(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
    for (const std::string_view bad : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE=", "dGhlIHNhbXBsZSBub25j!Q=="}) {
        EXPECT_FALSE(is_websocket_key(bad)) << bad;
    }
}

TEST(ClientAddress, BelievesOnlyItsOwnProxies) {
    const std::vector<Cidr> proxies{*Cidr::parse("127.0.0.0/8"), *Cidr::parse("10.0.0.0/8")};
    const auto client = [&](std::string_view from, std::string_view forwarded) {
        return client_address(*IpAddress::parse(from), forwarded, proxies).to_string();
    };
    EXPECT_EQ(client("198.51.100.1", "203.0.113.1"), "198.51.100.1");
    EXPECT_EQ(client("127.0.0.1", ""), "127.0.0.1");
    EXPECT_EQ(client("127.0.0.1", "203.0.113.1"), "203.0.113.1");
    EXPECT_EQ(client("127.0.0.1", "1.1.1.1, 203.0.113.1"), "203.0.113.1");  // what the client wrote itself does not count
    EXPECT_EQ(client("127.0.0.1", "203.0.113.1, 10.0.0.3"), "203.0.113.1");
    EXPECT_EQ(client("127.0.0.1", "2001:db8::1"), "2001:db8::1");
    EXPECT_EQ(client("127.0.0.1", "unknown"), "127.0.0.1");
}

// security.md rows 50 and 51.
TEST(HeadFault, FindsWhereSmugglingBegins) {
    const auto fault = [](std::string head) { return head_fault(head); };
    EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
    EXPECT_EQ(fault("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"), 400);
    EXPECT_EQ(fault("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400);
    EXPECT_EQ(fault("GET / HTTP/1.1\r\n: a\r\n\r\n"), 400);
    EXPECT_EQ(fault("GET / HTTP/1.1\r\nno colon\r\n\r\n"), 400);
    EXPECT_EQ(fault("POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n"), 400);
    EXPECT_EQ(fault("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    EXPECT_EQ(fault("GET /" + std::string(2048, 'a') + " HTTP/1.1\r\n\r\n"), 414);
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 64; ++i) many += "A: b\r\n";
    EXPECT_EQ(fault(many + "\r\n"), 0);
    EXPECT_EQ(fault(many + "A: b\r\n\r\n"), 431);
    EXPECT_EQ(fault(std::string{"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 27}), 400);
}

TEST(SecurityHeaders, AddHstsOnlyWithTls) {
    const auto has = [](bool tls, std::string_view name) {
        for (const auto& [key, value] : security_headers(tls)) {
            if (key == name) return true;
        }
        return false;
    };
    EXPECT_TRUE(has(false, "Content-Security-Policy"));
    EXPECT_FALSE(has(false, "Strict-Transport-Security"));
    EXPECT_TRUE(has(true, "Strict-Transport-Security"));
}

}  // namespace
}  // namespace turnpike::signaling
