#include "signaling/server/relay_client.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "common/base/system_clock.hpp"
#include "signaling/net/unix_http.hpp"
#include "signaling/server/relay_agent.hpp"
#include "tests/signaling/server/relay_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::signaling {
namespace {

constexpr RelayClient::Timing kFast{.poll = 20ms, .poll_lost = 10ms, .lease = 100ms, .deadline = 1000ms, .retry = 10ms};

TEST(ParseNode, ReadsWhatARelaySays) {
    const auto node = parse_node(R"({"id":"r1","boot_id":"b","role":"relay","state":"cordoned","version":"1","realm":"x",
        "urls":["turn:a:1","turns:b:2","http://evil","turn:a b",7],"labels":{"zone":"a","n":3},"allocations":{"active":5,"limit":9},"capacity":2.5,"load":0.5,"more":[]})");
    ASSERT_TRUE(node);
    EXPECT_EQ(node->id, "r1");
    EXPECT_EQ(node->state, cluster::NodeState::Cordoned);
    EXPECT_EQ(node->urls, (std::vector<std::string>{"turn:a:1", "turns:b:2"}));
    EXPECT_EQ(node->labels, (std::map<std::string, std::string>{{"zone", "a"}}));
    EXPECT_EQ(node->allocations, 5U);
    EXPECT_EQ(node->allocation_limit, 9U);
    EXPECT_EQ(node->load, 0.5);
    EXPECT_EQ(node->capacity, 2.5);
}

TEST(ParseNode, RefusesWhatIsNoRelaysAnswer) {
    for (const std::string_view text : {"", "null", "[]", "{}", "{", R"({"id":"x"})", R"({"id":"x","role":"relay"})",
                                        R"({"id":"x","role":"relay","state":"happy"})", R"({"id":"","role":"relay","state":"active"})",
                                        R"({"id":"x","role":"signaling","state":"active"})", R"({"id":7,"role":"relay","state":"active"})"}) {
        EXPECT_FALSE(parse_node(text)) << text;
    }
    const auto odd = parse_node(R"({"id":"x","role":"relay","state":"active","urls":"turn:a","load":"high","allocations":[],"labels":7})");
    ASSERT_TRUE(odd);
    EXPECT_TRUE(odd->urls.empty());
    EXPECT_EQ(parse_node(R"({"id":"x","role":"relay","state":"active","load":17})")->load, 1.0);
    EXPECT_EQ(parse_node(R"({"id":"x","role":"relay","state":"active","capacity":"much"})")->capacity, 1.0);
    EXPECT_EQ(parse_node(R"({"id":"x","role":"relay","state":"active","capacity":1e99})")->capacity, 1000.0);
}

/// An agent on a loop of its own; what it publishes is kept.
class RelayAgentTest : public ::testing::Test {
protected:
    void start(std::vector<std::string> sockets = {"a.sock"}) {
        std::vector<std::filesystem::path> paths;
        for (const std::string& socket : sockets) paths.push_back(directory.path() / socket);
        agent.emplace(loop, clock, log, paths, "turnpike", kFast, [this](std::vector<cluster::NodeInfo> nodes) {
            const std::lock_guard lock{mutex};
            published = std::move(nodes);
            changed.notify_all();
        });
        agent->start();
        thread = std::thread{[this] { loop.run(); }};
    }
    ~RelayAgentTest() override {
        loop.stop();
        if (thread.joinable()) thread.join();
    }
    bool wait_for_state(std::string_view id, cluster::NodeState state) {
        std::unique_lock lock{mutex};
        return changed.wait_for(lock, kPatience, [&] {
            return std::ranges::any_of(published, [&](const auto& node) { return node.id == id && node.state == state; });
        });
    }
    std::future<std::uint64_t> revoke(std::string subject, Seconds for_so_long = 3600s) {
        auto promise = std::make_shared<std::promise<std::uint64_t>>();
        loop.post([this, subject, for_so_long, promise] {
            agent->revoke({subject, clock.wall() + for_so_long, "spam"}, [promise](std::uint64_t ended) { promise->set_value(ended); });
        });
        return promise->get_future();
    }

    TempDir directory;
    SystemClock clock;
    ops::Log log{{.level = ops::Level::Off}};
    IoLoop loop;
    std::optional<RelayAgent> agent;
    std::thread thread;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<cluster::NodeInfo> published;
};

TEST_F(RelayAgentTest, FindsARelayAndSeesItChange) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    EXPECT_EQ(published[0].load, 0.25);
    json node = relay.node();
    node["state"] = "cordoned";
    relay.set_node(node);
    EXPECT_TRUE(wait_for_state("relay-a", cluster::NodeState::Cordoned));
}

TEST_F(RelayAgentTest, LosesARelayAfterItsLeaseAndFindsItAgain) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    relay.stop();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Lost));
    relay.start();
    EXPECT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
}

TEST_F(RelayAgentTest, FindsARelayThatStartsLater) {
    start();
    FakeRelay relay{directory.path() / "a.sock"};
    EXPECT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
}

TEST_F(RelayAgentTest, TakesGarbageForNoRelay) {
    FakeRelay relay{directory.path() / "a.sock"};
    relay.set_node({{"id", "x"}});
    start();
    relay.wait_for_polls(3);
    const std::lock_guard lock{mutex};
    EXPECT_TRUE(published.empty());
}

TEST_F(RelayAgentTest, TellsEveryRelayOfARevocationAndAddsUp) {
    FakeRelay a{directory.path() / "a.sock", "relay-a"}, b{directory.path() / "b.sock", "relay-b"};
    b.set_ended(5);
    start({"a.sock", "b.sock", "missing.sock"});
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    ASSERT_TRUE(wait_for_state("relay-b", cluster::NodeState::Active));
    auto ended = revoke("tag.p_1");
    ASSERT_EQ(ended.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(ended.get(), 7U);
    const json told = a.wait_for_revocations(1).at(0);
    EXPECT_EQ(told["subject"], "tag.p_1");
    EXPECT_EQ(told["reason"], "spam");
    EXPECT_NEAR(told["until"].get<double>(), static_cast<double>(unix_seconds(clock.wall())) + 3600, 5);
    EXPECT_EQ(b.wait_for_revocations(1).at(0), told);
}

TEST_F(RelayAgentTest, RetriesUntilTheRelayAcknowledges) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    relay.fail_revocations(3, 500);
    auto first = revoke("tag.p_1"), second = revoke("tag.p_2");
    ASSERT_EQ(second.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(first.get(), 2U);
    const auto told = relay.wait_for_revocations(5);
    ASSERT_EQ(told.size(), 5U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(told[i]["subject"], "tag.p_1");
    EXPECT_EQ(told[4]["subject"], "tag.p_2");
}

TEST_F(RelayAgentTest, DoesNotRepeatWhatTheRelayRefuses) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    relay.fail_revocations(1, 400);
    auto ended = revoke("tag.p_1");
    ASSERT_EQ(ended.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(ended.get(), 0U);
    EXPECT_EQ(relay.wait_for_revocations(1).size(), 1U);
}

TEST_F(RelayAgentTest, DoesNotWaitForALostRelayButTellsItWhenItIsBack) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    relay.stop();
    auto ended = revoke("tag.p_1");  // still thought to be there: given up with the lease
    ASSERT_EQ(ended.wait_for(kPatience), std::future_status::ready);
    EXPECT_EQ(ended.get(), 0U);
    auto later = revoke("tag.p_2");
    ASSERT_EQ(later.wait_for(kPatience), std::future_status::ready);
    revoke("tag.over", 0s).wait();
    relay.start();
    const auto told = relay.wait_for_revocations(2);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0]["subject"], "tag.p_1");
    EXPECT_EQ(told[1]["subject"], "tag.p_2");
}

TEST_F(RelayAgentTest, TellsARestartedRelayAgain) {
    FakeRelay relay{directory.path() / "a.sock"};
    start();
    ASSERT_TRUE(wait_for_state("relay-a", cluster::NodeState::Active));
    revoke("tag.p_1").wait();
    json node = relay.node();
    node["boot_id"] = "boot-2";
    relay.set_node(node);
    const auto told = relay.wait_for_revocations(2);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[1]["subject"], "tag.p_1");
}

TEST_F(RelayAgentTest, IgnoresASecondRelayOfTheSameId) {
    FakeRelay a{directory.path() / "a.sock", "same"}, b{directory.path() / "b.sock", "same"};
    start({"a.sock", "b.sock"});
    ASSERT_TRUE(wait_for_state("same", cluster::NodeState::Active));
    b.wait_for_polls(3);
    const std::lock_guard lock{mutex};
    EXPECT_EQ(published.size(), 1U);
}

// ---- the HTTP client below it -----------------------------------------------------------------

class UnixHttp : public ::testing::Test {
protected:
    UnixHttpAnswer ask(UnixHttpCall call) {
        IoLoop loop;
        UnixHttpAnswer got;
        unix_http(loop, std::move(call), [&](UnixHttpAnswer answer) {
            got = std::move(answer);
            loop.stop();
        });
        loop.run();
        return got;
    }
    TempDir directory;
};

TEST_F(UnixHttp, ExchangesOneRequest) {
    FakeRelay relay{directory.path() / "a.sock"};
    const auto answer = ask({directory.path() / "a.sock", "GET", "/v1/node", {}, 5000ms});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(json::parse(answer.body), relay.node());
    EXPECT_EQ(ask({directory.path() / "a.sock", "GET", "/nothing", {}, 5000ms}).status, 404);
}

TEST_F(UnixHttp, SaysWhyNoAnswerCame) {
    const auto missing = ask({directory.path() / "missing.sock", "GET", "/", {}, 1000ms});
    EXPECT_EQ(missing.status, 0);
    EXPECT_NE(missing.error.find("connect"), std::string::npos) << missing.error;
    const auto path = ask({directory.path() / std::string(200, 'x'), "GET", "/", {}, 1000ms});
    EXPECT_EQ(path.status, 0);
    EXPECT_FALSE(path.error.empty());
}

TEST_F(UnixHttp, GivesUpAtItsDeadline) {
    FakeRelay relay{directory.path() / "mute.sock"};
    relay.set_mute(true);
    const auto answer = ask({directory.path() / "mute.sock", "GET", "/", {}, 50ms});
    EXPECT_EQ(answer.status, 0);
    EXPECT_NE(answer.error.find("read"), std::string::npos) << answer.error;
}

}  // namespace
}  // namespace turnpike::signaling
