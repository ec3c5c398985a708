#include "turn/server/admin_routes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "common/base/system_clock.hpp"
#include "common/crypto/system_random.hpp"
#include "tests/turn/server/config_support.hpp"
#include "turn/server/metrics.hpp"
#include "turn/server/node_urls.hpp"

namespace turnpike::relay {
namespace {

using nlohmann::json;
using ops::Verb;

/// A relay on ports that the kernel picked, asked through its router.
class AdminRoutes : public ::testing::Test {
protected:
    AdminRoutes()
        : read_(
              "[node]\nid = \"test\"\nworkers = 2\n[[listen]]\naddress = "
              "\"127.0.0.1:0\"\n[[listen]]\ntransport = \"tcp\"\naddress = \"127.0.0.1:0\"\nrealm "
              "= \"two\"\n"
              "[auth]\nrealm = \"one\"\nusers = [{name = \"ada\", password = {value = "
              "\"correct-horse\"}}]\n[quota]\ntotal = 100\n",
              {.dev = true}) {
        EXPECT_TRUE(read_.document.ok()) << read_.document.report();
        read_.config.net.core.nonce_key = Secret{std::string(32, 'n')};
        const auto started = pool().start();
        EXPECT_TRUE(started) << started.error().message;
        EXPECT_TRUE(file_.open(clock_.wall()));
        node_.emplace(Node{read_.config,
                           pool(),
                           file_,
                           usage_,
                           clock_,
                           log_,
                           "b00t",
                           clock_.wall(),
                           clock_.now(),
                           pool().listeners(),
                           {},
                           read_.document.effective(),
                           {}});
        node_->urls = node_urls(node_->listeners, read_.config.net.relay_addresses);
        metrics_.add([this](ops::Scrape& scrape) { collect(scrape, *node_); });
        add_admin_routes(router_, *node_, metrics_);
    }
    net::WorkerPool& pool() {
        if (!pool_) {
            pool_.emplace(read_.config.net, read_.config.credentials(), read_.config.peers, clock_,
                          random_, [this](const core::Action& action) { usage_.report(action); });
        }
        return *pool_;
    }
    ops::Response ask(Verb verb, std::string path, std::string body = {},
                      std::map<std::string, std::string> query = {}) {
        ops::Request request;
        request.verb = verb;
        request.path = std::move(path);
        request.body = std::move(body);
        request.query = std::move(query);
        return router_.dispatch(std::move(request));
    }
    json ask_json(Verb verb, std::string path, std::string body = {}) {
        return json::parse(ask(verb, std::move(path), std::move(body)).body);
    }
    std::string in_an_hour() { return std::to_string(unix_seconds(clock_.wall()) + 3600); }

    TempDir dir_;
    SystemClock clock_;
    crypto::SystemRandom random_;
    ReadText read_;
    ops::ControlLoop loop_;
    std::vector<std::string> logged_;
    ops::Log log_{{ops::Level::Info, ops::Log::Format::Json},
                  [this](ops::Level, std::string_view line) { logged_.emplace_back(line); }};
    UsageLog usage_{loop_, log_, ops::ClientIpPrivacy{ops::ClientIp::Full, {}}, clock_};
    RevocationFile file_{dir_.path() / "revocations.jsonl"};
    std::optional<net::WorkerPool> pool_;
    std::optional<Node> node_;
    ops::Metrics metrics_;
    ops::Router router_;
};

TEST_F(AdminRoutes, ShowTheNode) {
    const json node = ask_json(Verb::Get, "/v1/node");
    EXPECT_EQ(node["id"], "test");
    EXPECT_EQ(node["role"], "relay");
    EXPECT_EQ(node["state"], "active");
    EXPECT_EQ(node["workers"], 2);
    EXPECT_EQ(node["io_engine"]["name"], net::to_string(pool_->engine()));
    EXPECT_NE(node["io_engine"]["why"], "");
    EXPECT_EQ(node["realm"], "one");
    EXPECT_EQ(node["pid"], ::getpid());
    EXPECT_EQ(node["allocations"]["active"], 0);
    EXPECT_EQ(node["allocations"]["limit"], 100);
    EXPECT_GT(node["ports"]["capacity"], 1000);
    ASSERT_EQ(node["listeners"].size(), 2u);
    const std::string address = node["listeners"][0]["address"];
    EXPECT_NE(address, "127.0.0.1:0");
    EXPECT_EQ(node["urls"][0], "turn:" + address + "?transport=udp");
    EXPECT_GE(node["load"], 0.0);
    EXPECT_LE(node["load"], 1.0);
    for (const char* key : {"boot_id", "version", "started_at", "uptime_seconds", "relay_addresses",
                            "labels", "capacity", "traffic", "stream_sessions"})
        EXPECT_TRUE(node.contains(key)) << key;
}

TEST_F(AdminRoutes, AnswerForAllocationsThatAreNotThere) {
    EXPECT_EQ(ask_json(Verb::Get, "/v1/allocations"), json::parse(R"({"items":[]})"));
    for (const char* id : {"17", "0", "abc", "-1", "99999999999999999999999"}) {
        EXPECT_EQ(ask(Verb::Get, std::string{"/v1/allocations/"} + id).status, 404) << id;
        const ops::Response killed = ask(Verb::Delete, std::string{"/v1/allocations/"} + id);
        EXPECT_EQ(killed.status, 404) << id;
        EXPECT_EQ(json::parse(killed.body)["error"]["code"], "not_found");
    }
    for (const char* limit : {"0", "x", "10001", "-1"})
        EXPECT_EQ(ask(Verb::Get, "/v1/allocations", {}, {{"limit", limit}}).status, 400) << limit;
    EXPECT_EQ(ask(Verb::Get, "/v1/allocations", {}, {{"limit", "10"}, {"subject", "ada"}}).status,
              200);
}

TEST_F(AdminRoutes, RevokeInTheRealmThatIsNamedOrInAll) {
    EXPECT_EQ(ask_json(Verb::Post, "/v1/revocations",
                       R"({"subject":"tag.a","realm":"two","until":)" + in_an_hour() + "}"),
              json::parse(R"({"ended":0})"));
    EXPECT_EQ(ask_json(Verb::Get, "/v1/revocations")["items"].size(), 1u);
    ask(Verb::Post, "/v1/revocations",
        R"({"subject":"tag.b","until":)" + in_an_hour() + R"(,"reason":"kicked"})");
    std::set<std::string> seen;
    const json listed = ask_json(Verb::Get, "/v1/revocations");
    for (const json& item : listed["items"])
        seen.insert(item["realm"].get<std::string>() + "/" + item["subject"].get<std::string>());
    EXPECT_EQ(seen, (std::set<std::string>{"two/tag.a", "one/tag.b", "two/tag.b"}));

    // Kept: a new process reads the same.
    const auto replay = RevocationFile{dir_.path() / "revocations.jsonl"}.open(clock_.wall());
    ASSERT_TRUE(replay);
    EXPECT_EQ(replay->live.size(), 3u);
    EXPECT_THAT(logged_.back(), ::testing::HasSubstr("\"admin.revoked\""));
}

TEST_F(AdminRoutes, RefuseRevocationsThatCannotBeMeant) {
    const std::string until = "\"until\":" + in_an_hour();
    for (const std::string& body :
         {std::string{}, std::string{"null"}, std::string{"[1]"}, std::string{"{"},
          "{" + until + "}", "{\"subject\":7," + until + "}", "{\"subject\":\"\"," + until + "}",
          std::string{"{\"subject\":\"a\"}"}, std::string{"{\"subject\":\"a\",\"until\":1}"},
          std::string{"{\"subject\":\"a\",\"until\":\"soon\"}"},
          std::string{"{\"subject\":\"a\",\"until\":99999999999}"},
          "{\"subject\":\"a\",\"realm\":3," + until + "}",
          "{\"subject\":\"" + std::string(600, 'a') + "\"," + until + "}",
          "{\"subject\":\"a\",\"reason\":{}," + until + "}"}) {
        const ops::Response response = ask(Verb::Post, "/v1/revocations", body);
        EXPECT_EQ(response.status, 400) << body;
        EXPECT_EQ(json::parse(response.body)["error"]["code"], "bad_request");
    }
    EXPECT_TRUE(ask_json(Verb::Get, "/v1/revocations")["items"].empty());
}

TEST_F(AdminRoutes, TellHealthAndConfiguration) {
    EXPECT_EQ(ask(Verb::Get, "/healthz").status, 200);
    EXPECT_EQ(ask(Verb::Get, "/readyz").status, 200);
    const ops::Response config = ask(Verb::Get, "/v1/config");
    EXPECT_THAT(config.body, ::testing::HasSubstr("[relay]"));
    EXPECT_THAT(config.body, ::testing::Not(::testing::HasSubstr("correct-horse")));
}

TEST_F(AdminRoutes, MetricsParseAndHaveBoundedLabels) {
    const ops::Response response = ask(Verb::Get, "/metrics");
    EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    const std::regex sample{R"(([a-z_]+)(\{([a-z]+="[^"]*",?)+\})? [0-9.eE+-]+)"};
    std::set<std::string> names, allowed{"transport", "reason", "state",   "direction", "method",
                                         "result",    "code",   "version", "worker",    "le",        "engine"};
    std::istringstream lines{response.body};
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.starts_with("#")) continue;
        std::smatch match;
        ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
        names.insert(match[1]);
        const std::regex label{R"(([a-z]+)=")"};
        const std::string labels = match[2];
        for (std::sregex_iterator at{labels.begin(), labels.end(), label}, end; at != end; ++at)
            EXPECT_TRUE(allowed.contains((*at)[1])) << line;
    }
    for (const char* name :
         {"turnpike_relay_build_info", "turnpike_relay_io_engine", "turnpike_relay_allocations",
          "turnpike_relay_allocations_closed_total", "turnpike_relay_bytes_total",
          "turnpike_relay_packets_total", "turnpike_relay_dropped_packets_total",
          "turnpike_relay_ports", "turnpike_relay_stun_requests_total",
          "turnpike_relay_socket_receive_drops_total", "turnpike_relay_tls_handshakes_total",
          "turnpike_relay_allocation_duration_seconds_count",
          "turnpike_relay_worker_heartbeat_age_seconds"}) {
        EXPECT_TRUE(names.contains(name)) << name;
    }
    for (const std::string& name : names) EXPECT_TRUE(name.starts_with("turnpike_relay_")) << name;
}

}  // namespace
}  // namespace turnpike::relay
