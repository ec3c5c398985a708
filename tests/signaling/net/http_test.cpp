#include "tests/signaling/net/web_fixture.hpp"

namespace turnpike::signaling {
namespace {

class Http : public WebFixture {
protected:
    Http() {
        std::filesystem::create_directories(directory.path() / "assets");
        directory.write("index.html", "<h1>page</h1>");
        directory.write("assets/index-BvX12abc.js", "js");
    }
};

TEST_F(Http, ServesThePageWithSecurityHeaders) {
    start();
    RawClient client{address};
    client.send(get("/r/some-room"));
    const auto page = client.response();
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.body, "<h1>page</h1>");
    EXPECT_EQ(page.field("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(page.field("cache-control"), "no-cache");
    EXPECT_EQ(page.field("x-content-type-options"), "nosniff");
    EXPECT_EQ(page.field("referrer-policy"), "no-referrer");
    EXPECT_TRUE(page.field("content-security-policy").starts_with("default-src 'self'; connect-src 'self' ws: wss:"));
    EXPECT_FALSE(page.field("date").empty());

    // The connection stays open for the next request.
    client.send(get("/assets/index-BvX12abc.js"));
    const auto asset = client.response();
    EXPECT_EQ(asset.body, "js");
    EXPECT_EQ(asset.field("cache-control"), "public, max-age=31536000, immutable");
}

TEST_F(Http, AnswersHeadAndConditionalRequests) {
    start();
    RawClient client{address};
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto head = client.response(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("content-length"), "13");
    EXPECT_TRUE(head.body.empty());

    client.send(get("/", "If-None-Match: " + head.field("etag") + "\r\n"));
    const auto same = client.response();
    EXPECT_EQ(same.status, 304);
    EXPECT_TRUE(same.body.empty());
    client.send(get("/", "If-None-Match: \"other\"\r\n"));
    EXPECT_EQ(client.response().status, 200);
}

TEST_F(Http, RefusesWhatIsNotThere) {
    directory.write("../turnpike-test-outside", "secret");
    start();
    for (const std::string_view path : {"/nothing", "/../turnpike-test-outside", "/%2e%2e/turnpike-test-outside", "/..%2fturnpike-test-outside",
                                        "/assets/%2e%2e/%2e%2e/turnpike-test-outside", "/%2e%2e%5cx", "/assets"}) {
        RawClient client{address};
        EXPECT_EQ(client.ask(get(path)).status, 404) << path;
    }
    RawClient client{address};
    EXPECT_EQ(client.ask(get("/%")).status, 400);
    EXPECT_EQ(client.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").status, 405);
    std::filesystem::remove(directory.path() / "../turnpike-test-outside");
}

TEST_F(Http, SaysWhatToDoWhenThePageIsMissing) {
    web_config.root = directory.path() / "not-built";
    start();
    EXPECT_FALSE(server->has_page());
    RawClient client{address};
    client.send(get("/"));
    const auto page = client.response();
    EXPECT_EQ(page.status, 503);
    EXPECT_NE(page.body.find("./dev build"), std::string::npos);
    EXPECT_NE(page.body.find("web.root"), std::string::npos);
    EXPECT_EQ(page.body.find(directory.path().string()), std::string::npos);  // that is for the log
}

TEST_F(Http, HandsTheApiToTheApplication) {
    start();
    RawClient client{address};
    client.send("POST /echo?a=1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nContent-Length: 4\r\n\r\nbody");
    const auto answer = client.response();
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.field("x-own"), "1");
    const json seen = json::parse(answer.body);
    EXPECT_EQ(seen["method"], "POST");
    EXPECT_EQ(seen["body"], "body");
    EXPECT_EQ(seen["authorization"], "Bearer k");
    EXPECT_EQ(seen["client"], "127.0.0.1");
    EXPECT_EQ(seen["query"]["a"], "1");

    client.send(get("/later"));
    EXPECT_EQ(client.response().body, "later");
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_EQ(json::parse(client.response().body)["body"], "abcde");
}

TEST_F(Http, SaysWhenTheApplicationDoesNotAnswer) {
    web_config.limits.answer = 50ms;
    start();
    RawClient client{address};
    EXPECT_EQ(client.ask(get("/never")).status, 504);
}

TEST_F(Http, TakesTheClientsAddressFromItsProxy) {
    web_config.trusted_proxies = {*Cidr::parse("127.0.0.0/8")};
    start();
    RawClient client{address};
    client.send(get("/echo", "X-Forwarded-For: 9.9.9.9, 203.0.113.5\r\n"));
    EXPECT_EQ(json::parse(client.response().body)["client"], "203.0.113.5");
}

TEST_F(Http, DoesNotBelieveAStrangersForwardedFor) {
    start();
    RawClient client{address};
    client.send(get("/echo", "X-Forwarded-For: 203.0.113.5\r\n"));
    EXPECT_EQ(json::parse(client.response().body)["client"], "127.0.0.1");
}

// security.md rows 50 and 51, T46.
TEST_F(Http, RefusesMalformedHeadsAndCloses) {
    start();
    const std::string long_line = "GET /" + std::string(3000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 70; ++i) many += "A" + std::to_string(i) + ": b\r\n";
    const std::string big = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(20'000, 'b') + "\r\n\r\n";
    const std::vector<std::pair<std::string, int>> table{
        {"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n", 413},
        {"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400},
        {"\x16\x03\x01 not http\r\n\r\n", 400},
        {long_line, 414},
        {many + "\r\n", 431},
        {big, 431},
    };
    for (const auto& [request, status] : table) {
        RawClient client{address};
        EXPECT_EQ(client.ask(request).status, status) << request.substr(0, 80);
        EXPECT_EQ(client.read_all(), "") << request.substr(0, 80);  // and the connection ends
    }
}

TEST_F(Http, ClosesWhoSendsItsHeadTooSlowly) {
    web_config.limits.head = 100ms;
    start();
    RawClient silent{address};
    EXPECT_EQ(silent.read_all(), "");
    RawClient slow{address};
    slow.send("GET / HTTP/1.1\r\nHost:");
    EXPECT_EQ(slow.read_all(), "");
}

TEST_F(Http, ClosesAnIdleConnection) {
    web_config.limits.keep_alive = 50ms;
    start();
    RawClient client{address};
    EXPECT_EQ(client.ask(get("/")).status, 200);
    EXPECT_EQ(client.read_all(), "");
}

TEST_F(Http, EndsAnHttp10ConnectionAfterItsAnswer) {
    start();
    RawClient client{address};
    EXPECT_EQ(client.ask("GET / HTTP/1.0\r\n\r\n").status, 200);
    EXPECT_EQ(client.read_all(), "");
}

TEST_F(Http, BoundsConnections) {
    web_config.limits.connections = 2;
    start();
    RawClient a{address}, b{address};
    EXPECT_EQ(a.ask(get("/")).status, 200);
    EXPECT_EQ(b.ask(get("/")).status, 200);
    RawClient c{address};
    EXPECT_EQ(c.read_all(), "");
    EXPECT_EQ(a.ask(get("/")).status, 200);
}

TEST_F(Http, NamesTheAddressThatIsTaken) {
    start();
    web_config.address = address;
    IoLoop other;
    const auto second = WebServer::open(other, web_config, *hub, clock, *this);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find(address.to_string()), std::string::npos) << second.error();
    EXPECT_NE(second.error().find("listen.address"), std::string::npos) << second.error();
}

}  // namespace
}  // namespace turnpike::signaling
