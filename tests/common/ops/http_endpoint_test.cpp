#include "common/ops/http_endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <stdexcept>
#include <thread>

#include "tests/common/ops/http_client.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::ops {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpEndpointTest : public ::testing::Test {
protected:
    HttpEndpointTest() {
        router_.add(Verb::Get, "/v1/node", [](const Request& request) {
            return Response::json(R"({"uid":)" +
                                  std::to_string(request.peer ? request.peer->uid : 9999) + "}");
        });
        router_.add(Verb::Get, "/v1/allocations", [](const Request& request) {
            const auto subject = request.query.find("subject");
            return Response::json(
                "\"" + (subject == request.query.end() ? "all" : subject->second) + "\"");
        });
        router_.add(Verb::Delete, "/v1/allocations/{}", [](const Request& request) {
            if (request.parameters[0] != "17")
                return Response::error(404, "not_found", "no allocation " + request.parameters[0]);
            return Response::json(R"({"killed":1})");
        });
        router_.add(Verb::Post, "/v1/echo",
                    [](const Request& request) { return Response::json(request.body); });
        router_.add(Verb::Get, "/throws",
                    [](const Request&) -> Response { throw std::runtime_error("inner secret"); });
    }
    ~HttpEndpointTest() override {
        loop_.stop();
        if (thread_.joinable()) thread_.join();
    }
    void start() {
        const auto listening = endpoint_.listen_unix(path_, 0660);
        ASSERT_TRUE(listening) << listening.error();
        const auto bound = endpoint_.listen_tcp(*Endpoint::parse("127.0.0.1:0"));
        ASSERT_TRUE(bound) << bound.error();
        tcp_ = *bound;
        thread_ = std::thread{[this] { loop_.run(); }};
    }

    TempDir dir_;
    std::filesystem::path path_ = dir_.path() / "admin.sock";
    ControlLoop loop_;
    Log log_{{}, [this](Level, std::string_view line) { logged_ += line; }};
    std::string logged_;
    Router router_{log_};
    HttpEndpoint endpoint_{loop_, router_};
    Endpoint tcp_;
    std::thread thread_;
};

TEST_F(HttpEndpointTest, AnswersOverTheUnixSocketAndKnowsWhoAsks) {
    start();
    const std::string answer = HttpClient{path_}.request("GET", "/v1/node");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n{\"uid\":" + std::to_string(::getuid()) + "}"));
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST_F(HttpEndpointTest, AnswersOverTcpWithoutAPeer) {
    start();
    EXPECT_NE(tcp_.port, 0);
    EXPECT_THAT(HttpClient{tcp_}.request("GET", "/v1/node"), EndsWith("{\"uid\":9999}"));
}

TEST_F(HttpEndpointTest, ReadsParametersAndQueries) {
    start();
    EXPECT_THAT(HttpClient{path_}.request("GET", "/v1/allocations?subject=a%20b%2Fc&limit=3"),
                EndsWith("\"a b/c\""));
    EXPECT_THAT(HttpClient{path_}.request("DELETE", "/v1/allocations/17"),
                EndsWith("{\"killed\":1}"));
    EXPECT_THAT(HttpClient{path_}.request("DELETE", "/v1/allocations/18"),
                EndsWith("{\"error\":{\"code\":\"not_found\",\"message\":\"no allocation 18\"}}"));
    EXPECT_THAT(HttpClient{path_}.request("DELETE", "/v1/allocations/%31%37"),
                EndsWith("{\"killed\":1}"));
    EXPECT_THAT(HttpClient{path_}.request("POST", "/v1/echo", "{\"a\":1}"), EndsWith("{\"a\":1}"));
}

TEST_F(HttpEndpointTest, RefusesUnknownPathsAndMethodsInJson) {
    start();
    const std::string unknown = HttpClient{path_}.request("GET", "/v2");
    EXPECT_THAT(unknown, StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(unknown,
                EndsWith("{\"error\":{\"code\":\"not_found\",\"message\":\"no such path: /v2\"}}"));
    EXPECT_THAT(HttpClient{path_}.request("DELETE", "/v1/allocations/"),
                StartsWith("HTTP/1.1 404 "));

    const std::string method = HttpClient{path_}.request("POST", "/v1/node", "{}");
    EXPECT_THAT(method, StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(method, HasSubstr("Allow: GET\r\n"));
    EXPECT_THAT(method, HasSubstr("\"method_not_allowed\""));
    EXPECT_THAT(HttpClient{path_}.request("PATCH", "/v1/node"), StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpEndpointTest, RefusesALargeBodyAndTakesOneAtTheLimit) {
    start();
    const std::string body(HttpEndpoint::kBodyBytesMax, 'x');
    EXPECT_THAT(HttpClient{path_}.request("POST", "/v1/echo", body), EndsWith(body));
    const std::string larger = HttpClient{path_}.request("POST", "/v1/echo", body + "x");
    EXPECT_THAT(larger, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(larger, HasSubstr("\"too_large\""));
    // The endpoint is as it was.
    EXPECT_THAT(HttpClient{path_}.request("GET", "/v1/allocations"), EndsWith("\"all\""));
}

TEST_F(HttpEndpointTest, OutlivesGarbage) {
    start();
    using namespace std::string_view_literals;
    for (const std::string_view garbage :
         {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"sv, "GET\r\n\r\n"sv,
          "\0\0\0\0\r\n\r\n"sv, "GET /v1/node HTTP/9.9\r\n\r\n"sv,
          "POST /v1/echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n"sv,
          "POST /v1/echo HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"sv}) {
        const std::string answer = HttpClient{path_}.exchange(garbage);
        EXPECT_THAT(answer, ::testing::Not(HasSubstr("200 OK")));
    }
    HttpClient long_head{path_};
    EXPECT_THAT(long_head.exchange("GET / HTTP/1.1\r\nX: " +
                                   std::string(HttpEndpoint::kHeadBytesMax, 'x') + "\r\n\r\n"),
                ::testing::Not(HasSubstr("200 OK")));
    EXPECT_THAT(HttpClient{path_}.request("GET", "/v1/allocations"), EndsWith("\"all\""));
}

TEST_F(HttpEndpointTest, KeepsAnExceptionsTextToTheLog) {
    start();
    const std::string answer = HttpClient{path_}.request("GET", "/throws");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 500 "));
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("inner secret")));
    loop_.stop();
    thread_.join();
    EXPECT_THAT(logged_, HasSubstr("inner secret"));
}

TEST_F(HttpEndpointTest, SaysWhichAddressIsTaken) {
    start();
    HttpEndpoint second{loop_, router_};
    const auto bound = second.listen_tcp(tcp_);
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error(),
              "cannot listen on tcp " + tcp_.to_string() + ": address already in use");
}

TEST_F(HttpEndpointTest, ReplacesAStaleSocketAndRemovesItsOwn) {
    dir_.write("admin.sock", "");
    {
        ControlLoop loop;
        HttpEndpoint endpoint{loop, router_};
        ASSERT_TRUE(endpoint.listen_unix(path_));
        EXPECT_TRUE(std::filesystem::is_socket(path_));
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
    HttpEndpoint endpoint{loop_, router_};
    const auto refused = endpoint.listen_unix(dir_.path() / std::string(120, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error(), HasSubstr("longer than a socket's may be"));
}

}  // namespace
}  // namespace turnpike::ops
