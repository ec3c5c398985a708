// What a RedisStore does when its server is away, slow, paused, read-only, full, or wants a
// password: with real servers, ended and paused by the test.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>

#include "common/cluster/bus.hpp"
#include "tests/support/redis_topologies.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/support/store_test.hpp"

namespace turnpike::cluster {
namespace {

using namespace store_test;
using Kind = StoreError::Kind;
using State = StoreStatus::State;

class RedisStoreFaults : public testing::Test {
protected:
    void SetUp() override {
        if (!RedisServer::available()) GTEST_SKIP() << RedisServer::kMissing;
    }
};

bool is_up(const Store& store) {
    return store.status().state == State::Up;
}

std::size_t descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator{"/proc/self/fd"})
        ++count;
    return count;
}

Milliseconds cpu_used() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return Seconds{usage.ru_utime.tv_sec + usage.ru_stime.tv_sec} +
           Milliseconds{(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000};
}

// No look-up in between: what the store itself costs is measured.
void wait_for_failures(const Store& store, std::uint64_t count) {
    for (int i = 0; i < 2400 && store.status().failures < count; ++i) ::poll(nullptr, 0, 50);
    ASSERT_GE(store.status().failures, count);
}

TEST_F(RedisStoreFaults, APausedServerCostsADeadlineAndThenNothing) {
    RedisServer server;
    const auto store = open(url_of(server));
    ASSERT_TRUE(get(*store, query::set_text("a", "of a")));
    ASSERT_TRUE(get(*store, query::set_text("b", "of b")));
    server.pause();
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(why_not(*store, query::text("a"), kQuotaDeadline), Kind::Deadline);
    // The breaker is open: nothing is sent, and nothing is waited for.
    EXPECT_EQ(why_not(*store, query::text("a")), Kind::Unavailable);
    EXPECT_EQ(store->status().state, State::Degraded);
    EXPECT_EQ(store->status().deadlines, 4U);
    EXPECT_NE(store->status().last_error.find("in time"), std::string::npos);
    server.resume();
    ASSERT_TRUE(eventually([&] { return is_up(*store); }));
    // The four answers of before have come, and were given to nobody.
    EXPECT_EQ(get(*store, query::text("b")), "of b");
    EXPECT_EQ(store->status().late_answers, 4U);
    EXPECT_EQ(store->status().connects, 1U);
}

TEST_F(RedisStoreFaults, ALateAnswerIsNotTheNextCommandsAnswer) {
    RedisServer server;
    RedisStoreOptions options;
    options.misses = 1000;  // the breaker is not what this is about
    const auto store = open(url_of(server), options);
    for (int i = 0; i < 50; ++i)
        ASSERT_TRUE(get(*store, query::set_text(std::to_string(i), "of " + std::to_string(i))));
    server.pause();
    EXPECT_EQ(why_not(*store, query::text("0"), 10ms), Kind::Deadline);
    std::vector<std::future<std::string>> answers;
    for (int i = 1; i < 50; ++i) {
        auto promise = std::make_shared<std::promise<std::string>>();
        answers.push_back(promise->get_future());
        // Every other one has gone when the server goes on.
        store->run<std::optional<std::string>>(
            query::text(std::to_string(i)), i % 2 ? kAmple : 10ms, [promise](auto text) {
                promise->set_value(text ? text->value_or("(none)")
                                        : std::string{to_string(text.error().kind)});
            });
    }
    for (int i = 2; i < 50; i += 2)
        EXPECT_EQ(answers[static_cast<std::size_t>(i - 1)].get(), "deadline");
    server.resume();
    for (int i = 1; i < 50; i += 2)
        EXPECT_EQ(answers[static_cast<std::size_t>(i - 1)].get(), "of " + std::to_string(i));
}

TEST_F(RedisStoreFaults, TheQueueIsBounded) {
    RedisServer server;
    RedisStoreOptions options;
    options.queue_most = 100;
    options.queue_bytes_most = 1 << 20;
    options.misses = 1000;
    const auto store = open(url_of(server), options);
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    server.pause();
    std::atomic<int> overflown{0}, ended{0};
    for (int i = 0; i < 150; ++i) {
        store->run<bool>(query::set_text("a", "2"), kAmple, [&](Outcome<bool> done) {
            if (!done && done.error().kind == Kind::Overflow) ++overflown;
            ++ended;
        });
    }
    EXPECT_TRUE(eventually([&] { return overflown == 50; }));
    EXPECT_EQ(store->status().queued, 100U);
    EXPECT_EQ(store->status().overflows, 50U);
    server.resume();
    EXPECT_TRUE(eventually([&] { return ended == 150; }));
    EXPECT_EQ(overflown, 50);
    EXPECT_EQ(why_not(*store, query::set_text("a", std::string(2 << 20, 'x'))), Kind::Overflow);
}

TEST_F(RedisStoreFaults, AServerThatIsAwayCostsNoCpuAndNoDescriptors) {
    TempDir nowhere;
    const auto store = open("redis+unix://" + (nowhere.path() / "none.sock").string());
    EXPECT_EQ(why_not(*store, query::text("a")), Kind::Unavailable);
    ASSERT_TRUE(eventually([&] { return store->status().state == State::Degraded; }));
    wait_for_failures(*store, 3);
    const std::size_t before = descriptors();
    const Milliseconds cpu = cpu_used();
    const Instant begun = g_clock.now();
    wait_for_failures(*store, 7);
    EXPECT_LE(cpu_used() - cpu, (g_clock.now() - begun) / 5);
    EXPECT_EQ(descriptors(), before);
    // All of a sudden, 1000 commands: each fails at once.
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(why_not(*store, query::text("a")), Kind::Unavailable);
    EXPECT_EQ(store->status().queued, 0U);
    EXPECT_EQ(store->status().connects, 0U);
}

TEST_F(RedisStoreFaults, AConnectionThatHangsIsGivenUp) {
    RedisServer server;
    RedisStoreOptions options;
    options.silent_most = 600ms;
    options.connect_within = 300ms;
    const auto store = open(url_of(server), options);
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    server.pause();
    const std::size_t before = descriptors();
    EXPECT_EQ(why_not(*store, query::text("a")), Kind::Disconnected);
    // A paused server still accepts, and says nothing.
    wait_for_failures(*store, 4);
    EXPECT_LE(descriptors(), before);
    EXPECT_EQ(store->status().state, State::Degraded);
    server.resume();
    EXPECT_TRUE(eventually([&] { return is_up(*store); }));
    EXPECT_EQ(get(*store, query::text("a")), "1");
}

TEST_F(RedisStoreFaults, AKilledServerIsFoundAgainAndFollowersMissNothing) {
    RedisServer server;
    const auto store = open(url_of(server));
    Bus bus{*store};
    std::mutex mutex;
    std::vector<std::string> got;
    int restarts = 0;
    bus.follow("stream", StreamId{}, [&](const Bus::Batch& batch) {
        const std::lock_guard lock{mutex};
        restarts += batch.restarted;
        for (const StreamEntry& entry : batch.entries) got.push_back(entry.fields.at(0).second);
    });
    const auto count = [&] {
        const std::lock_guard lock{mutex};
        return got.size();
    };
    ASSERT_TRUE(get(*store, query::append("stream", {{"n", "one"}}, 100)) > StreamId{});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    server.stop();
    ASSERT_TRUE(eventually([&] { return store->status().state == State::Degraded; }));
    server.start();
    // Written while the store is still away. The ids are of an older clock, as in a restored dump.
    server.command({"XADD", "stream", "5-1", "n", "old"});
    server.command({"XADD", "stream", "5-2", "n", "older"});
    ASSERT_TRUE(eventually([&] { return is_up(*store); }));
    ASSERT_TRUE(eventually([&] { return count() == 3; }));
    EXPECT_EQ(got, (std::vector<std::string>{"one", "old", "older"}));
    EXPECT_EQ(restarts, 1);
    EXPECT_GE(store->status().connects, 2U);
    // And wake-ups are heard again: well before the poll of 5 s, had they to wait for it each time.
    for (int i = 0; i < 20; ++i) {
        const std::size_t before = count();
        server.command({"XADD", "stream", "*", "n", "new"});
        server.command({"PUBLISH", "stream", ""});
        ASSERT_TRUE(eventually([&] { return count() == before + 1; }));
    }
}

TEST_F(RedisStoreFaults, ScriptsComeBackAfterAFlush) {
    RedisServer server;
    const auto store = open(url_of(server));
    ASSERT_TRUE(get(*store, query::reserve_quota("q", "a", 5, 1h)).granted);
    EXPECT_EQ(server.command({"SCRIPT", "FLUSH"}), "OK");
    EXPECT_EQ(get(*store, query::reserve_quota("q", "b", 5, 1h)).held, 2);
    EXPECT_EQ(get(*store, query::reserve_quota("q", "c", 5, 1h)).held, 3);
}

TEST_F(RedisStoreFaults, TakesAPasswordAUserAndAFile) {
    RedisServer server{
        {.arguments = {"--requirepass", "of the default", "--user", "relay", "on", ">s3cret/?",
                       // The rules of docs/redis-schema.md.
                       "~turnpike:*", "&turnpike:*", "%R~turn/*", "+@read", "+@write",
                       "+@scripting", "+@connection", "+@pubsub", "-@dangerous", "+info", "+time",
                       "+role", "+cluster|slots"}}};
    const TempDir files;
    const std::string file = files.write("password", "of the default\n").string();
    EXPECT_TRUE(get(*open("redis+unix://:of%20the%20default@" + server.socket()),
                    query::set_text("turnpike:a", "1")));
    EXPECT_TRUE(get(*open("redis+unix://" + server.socket() + "?password_file=" + file),
                    query::set_text("turnpike:a", "1")));
    const auto relay = open("redis+unix://relay:s3cret%2F%3F@" + server.socket());
    EXPECT_EQ(get(*relay, query::text("turnpike:a")), "1");
    EXPECT_EQ(get(*relay, query::update_hash("turnpike:h", {{"a", "1"}}, {}, 1h)), 1);
    EXPECT_TRUE(get(*relay, query::reserve_quota("turnpike:q", "a", 1, 1h)).granted);
    EXPECT_FALSE(get(*relay, query::server_info("server")).empty());
    EXPECT_GT(get(*relay, query::server_time()), WallTime{});
    EXPECT_TRUE(get(*relay, query::members("turn/realm/r/secret")).empty());
    EXPECT_EQ(why_not(*relay, query::add_member("turn/realm/r/secret", "a")), Kind::Denied);
    std::atomic<int> entries{0};
    {
        Bus bus{*relay};
        bus.follow("turnpike:s", StreamId{}, [&](const Bus::Batch& batch) {
            entries += static_cast<int>(batch.entries.size());
        });
        get(*relay, query::append("turnpike:s", {{"a", "b"}}, 10));
        EXPECT_TRUE(eventually([&] { return entries == 1; }));
    }
    // What the user may not do is refused to it, and is no reason to open the breaker.
    EXPECT_EQ(why_not(*relay, query::text("other")), Kind::Denied);
    EXPECT_EQ(get(*relay, query::text("turnpike:a")), "1");
    for (const std::string& url :
         {"redis+unix://" + server.socket(), "redis+unix://relay:wrong@" + server.socket(),
          "redis+unix://" + server.socket() + "?password_file=/nonexistent"}) {
        const auto none = open(url);
        EXPECT_EQ(why_not(*none, query::text("turnpike:a")), Kind::Unavailable) << url;
        const std::string said = none->status().last_error;
        EXPECT_TRUE(said.find("NOAUTH") != std::string::npos ||
                    said.find("WRONGPASS") != std::string::npos ||
                    said.find("cannot read a password") != std::string::npos)
            << said;
    }
}

TEST_F(RedisStoreFaults, APasswordFileIsReadAgain) {
    RedisServer server{{.arguments = {"--requirepass", "first"}}};
    const TempDir files;
    files.write("password", "first");
    const auto store = open("redis+unix://" + server.socket() +
                            "?password_file=" + (files.path() / "password").string());
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    files.write("password", "second");
    const auto rotate = open("redis+unix://:first@" + server.socket());
    ASSERT_TRUE(ask(*rotate, Query<bool>{{"CONFIG", nullptr, {}, {"SET", "requirepass", "second"}},
                                         [](const Reply&) -> Outcome<bool> { return true; }}));
    ASSERT_TRUE(ask(
        *rotate, Query<bool>{{"CLIENT", nullptr, {}, {"KILL", "TYPE", "normal", "SKIPME", "yes"}},
                             [](const Reply&) -> Outcome<bool> { return true; }}));
    ASSERT_TRUE(eventually([&] { return store->status().connects == 2; }));
    EXPECT_EQ(get(*store, query::text("a")), "1");
}

TEST_F(RedisStoreFaults, TlsIsVerified) {
    const TempDir files;
    const SelfSigned pair = SelfSigned::make(), other = SelfSigned::make();
    const std::string certificate = files.write("cert.pem", pair.certificate).string();
    const std::string stranger = files.write("other.pem", other.certificate).string();
    RedisServer server{
        {.tls = true,
         .arguments = {"--tls-cert-file", certificate, "--tls-key-file",
                       files.write("key.pem", pair.key).string(), "--tls-ca-cert-file", certificate,
                       "--tls-auth-clients", "no"}}};
    const std::string port = std::to_string(server.port());
    EXPECT_TRUE(
        get(*open("rediss://127.0.0.1:" + port + "?ca=" + certificate), query::set_text("a", "1")));
    EXPECT_TRUE(
        get(*open("rediss://localhost:" + port + "?ca=" + certificate), query::set_text("a", "1")));
    for (const std::string& url :
         {"rediss://127.0.0.1:" + port, "rediss://127.0.0.1:" + port + "?ca=" + stranger,
          "rediss://127.0.0.1:" + port + "?server_name=redis.example&ca=" + certificate}) {
        const auto none = open(url);
        EXPECT_EQ(why_not(*none, query::text("a")), Kind::Unavailable) << url;
        EXPECT_NE(none->status().last_error.find("TLS"), std::string::npos)
            << url << ": " << none->status().last_error;
    }
    // Plain to a TLS port, and files that are none.
    EXPECT_EQ(why_not(*open("redis://127.0.0.1:" + port), query::text("a")), Kind::Unavailable);
    EXPECT_FALSE(RedisStore::open(*StoreUrl::parse("rediss://localhost?ca=/nonexistent"), g_clock,
                                  g_random));
    EXPECT_FALSE(RedisStore::open(
        *StoreUrl::parse("rediss://localhost?cert=" + certificate + "&key=" + stranger), g_clock,
        g_random));
}

TEST_F(RedisStoreFaults, AReadOnlyServerRefusesWritesAndAnswersReads) {
    RedisServer server;
    const auto store = open(url_of(server));
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    server.command({"REPLICAOF", "127.0.0.1", "1"});
    EXPECT_EQ(why_not(*store, query::set_text("a", "2")), Kind::Refused);
    EXPECT_EQ(store->status().state, State::Refusing);
    EXPECT_EQ(why_not(*store, query::reserve_quota("q", "a", 1, 1h)), Kind::Refused);
    EXPECT_EQ(get(*store, query::text("a")), "1");
    EXPECT_EQ(store->status().refused_writes, 2U);
    server.command({"REPLICAOF", "NO", "ONE"});
    EXPECT_TRUE(get(*store, query::set_text("a", "2")));
    EXPECT_EQ(store->status().state, State::Up);
}

TEST_F(RedisStoreFaults, AServerWithoutMemoryRefusesWrites) {
    RedisServer server;
    const auto store = open(url_of(server));
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    server.command({"CONFIG", "SET", "maxmemory", "1"});
    EXPECT_EQ(why_not(*store, query::set_text("b", "2")), Kind::Refused);
    EXPECT_EQ(why_not(*store, query::append("s", {{"a", "b"}}, 10)), Kind::Refused);
    EXPECT_EQ(get(*store, query::text("a")), "1");
    EXPECT_EQ(store->status().state, State::Refusing);
    server.command({"CONFIG", "SET", "maxmemory", "0"});
    EXPECT_TRUE(get(*store, query::set_text("b", "2")));
    EXPECT_EQ(store->status().state, State::Up);
}

TEST_F(RedisStoreFaults, ABusyServerIsAskedAgain) {
    RedisServer server{{.arguments = {"--busy-reply-threshold", "1"}}};
    const auto store = open(url_of(server));
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    std::thread endless{[&] { server.command({"EVAL", "while true do end", "0"}); }};
    // Busy from now on, or soon.
    ASSERT_TRUE(eventually([&] { return why_not(*store, query::text("a"), 300ms).has_value(); }));
    std::promise<std::string> later;
    store->run<std::optional<std::string>>(query::text("a"), kAmple, [&](auto text) {
        later.set_value(text ? text->value_or("") : text.error().detail);
    });
    server.command({"SCRIPT", "KILL"});
    endless.join();
    EXPECT_EQ(later.get_future().get(), "1");
}

TEST_F(RedisStoreFaults, SentinelLeadsToTheNewMaster) {
    RedisSentinels redis;
    const auto store = open(redis.url());
    Bus bus{*store};
    std::atomic<int> seen{0};
    bus.follow("stream", StreamId{},
               [&](const Bus::Batch& batch) { seen += static_cast<int>(batch.entries.size()); });
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    ASSERT_TRUE(eventually([&] { return redis.replica.command({"GET", "a"}) == "1"; }));
    redis.master.stop();
    // From the new one. Those in between fail, none hangs.
    ASSERT_TRUE(
        eventually([&] { return !why_not(*store, query::set_text("b", "2"), kStoreDeadline); }));
    EXPECT_EQ(redis.replica.command({"GET", "b"}), "2");
    EXPECT_EQ(get(*store, query::text("a")), "1");
    EXPECT_TRUE(eventually([&] { return is_up(*store); }));
    get(*store, query::append("stream", {{"a", "b"}}, 10));
    EXPECT_TRUE(eventually([&] { return seen == 1; }));
}

TEST_F(RedisStoreFaults, SentinelMovesAStoreFromAMasterThatWasDemoted) {
    RedisSentinels redis;
    const auto store = open(redis.url());
    ASSERT_TRUE(get(*store, query::set_text("a", "1")));
    EXPECT_EQ(redis.sentinels[0]->command({"SENTINEL", "FAILOVER", "main"}), "OK");
    ASSERT_TRUE(eventually([&] {
        return !why_not(*store, query::set_text("b", "2"), kStoreDeadline) &&
               redis.replica.command({"GET", "b"}) == "2";
    }));
    EXPECT_TRUE(eventually([&] { return is_up(*store); }));
}

TEST_F(RedisStoreFaults, SentinelSaysWhenItKnowsNoSuchMaster) {
    RedisSentinels redis;
    const std::string url = redis.url();
    const auto store = open(url.substr(0, url.rfind('/')) + "/nobody");
    EXPECT_EQ(why_not(*store, query::text("a")), Kind::Unavailable);
    EXPECT_NE(store->status().last_error.find("knows no master"), std::string::npos)
        << store->status().last_error;
    EXPECT_TRUE(eventually([&] { return store->status().state == State::Degraded; }));
}

TEST_F(RedisStoreFaults, AClusterIsFollowedWhenASlotMoves) {
    RedisClusterOfThree redis;
    const auto store = open(redis.url());
    const std::uint16_t slot = 12182;  // of the tag "foo": the third node's
    ASSERT_EQ(redis.nodes[0]->command({"CLUSTER", "KEYSLOT", "{foo}"}), std::to_string(slot));
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(get(*store, query::set_text("{foo}" + std::to_string(i), std::to_string(i))));
    EXPECT_EQ(store->status().redirects, 0U);
    const std::string to = redis.id(0), from = redis.id(2), number = std::to_string(slot);
    ASSERT_EQ(redis.nodes[0]->command({"CLUSTER", "SETSLOT", number, "IMPORTING", from}), "OK");
    ASSERT_EQ(redis.nodes[2]->command({"CLUSTER", "SETSLOT", number, "MIGRATING", to}), "OK");
    for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(
            redis.nodes[2]->command({"MIGRATE", "127.0.0.1", std::to_string(redis.nodes[0]->port()),
                                     "{foo}" + std::to_string(i), "0", "5000"}),
            "OK");
    }
    // Half of the keys there, half here: ASK.
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(get(*store, query::text("{foo}" + std::to_string(i))), std::to_string(i));
    EXPECT_EQ(store->status().redirects, 5U);
    ASSERT_TRUE(
        get(*store, query::update_hash("{foo}new", {{"a", "1"}}, {}, 1h)));  // a script, by ASK
    for (int i = 5; i < 10; ++i) {
        ASSERT_EQ(
            redis.nodes[2]->command({"MIGRATE", "127.0.0.1", std::to_string(redis.nodes[0]->port()),
                                     "{foo}" + std::to_string(i), "0", "5000"}),
            "OK");
    }
    for (const std::size_t node : {0U, 2U, 1U})
        ASSERT_EQ(redis.nodes[node]->command({"CLUSTER", "SETSLOT", number, "NODE", to}), "OK");
    const std::uint64_t before = store->status().redirects;
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(get(*store, query::text("{foo}" + std::to_string(i))), std::to_string(i));
    EXPECT_GE(store->status().redirects, before + 1);  // MOVED
    // Learnt: soon no more of them. (A node may name the old owner until it has heard from the
    // new.)
    EXPECT_TRUE(eventually([&] {
        const std::uint64_t redirects = store->status().redirects;
        for (int i = 0; i < 10; ++i) get(*store, query::text("{foo}" + std::to_string(i)));
        return store->status().redirects == redirects;
    }));
    EXPECT_EQ(get(*store, query::hash("{foo}new")).size(), 1U);
}

TEST_F(RedisStoreFaults, AClusterGoesOnWithoutOneOfItsMasters) {
    RedisClusterOfThree redis;
    const auto store = open(redis.url());
    ASSERT_TRUE(get(*store, query::set_text("{foo}", "third")));
    ASSERT_TRUE(get(*store, query::set_text("{bar}", "first")));  // slot 5061
    redis.nodes[2]->stop();
    EXPECT_TRUE(eventually([&] { return store->status().state == State::Degraded; }));
    EXPECT_TRUE(eventually([&] {
        return why_not(*store, query::text("{foo}"), kStoreDeadline) == Kind::Unavailable;
    }));
    EXPECT_EQ(get(*store, query::text("{bar}")), "first");
    redis.nodes[2]->start();
    EXPECT_TRUE(eventually([&] { return is_up(*store); }));
    EXPECT_TRUE(eventually([&] { return !why_not(*store, query::set_text("{foo}", "again")); }));
}

TEST_F(RedisStoreFaults, SaysThatAClusterNeedsItsOwnUrl) {
    RedisClusterOfThree redis;
    const auto store = open("redis://" + redis.nodes[0]->address());
    const auto outcome = ask(*store, query::text("{foo}"));
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().detail.find("redis+cluster://"), std::string::npos);
}

TEST_F(RedisStoreFaults, ClosesWhileTheServerHangs) {
    RedisServer server;
    std::atomic<int> closed{0};
    {
        const auto store = open(url_of(server));
        ASSERT_TRUE(get(*store, query::set_text("a", "1")));
        server.pause();
        for (int i = 0; i < 100; ++i) {
            store->run<bool>(
                query::set_text("a", "2"), kAmple, [&, raw = store.get()](Outcome<bool> done) {
                    if (!done && done.error().kind == Kind::Closed) ++closed;
                    // Called again while it closes: this ends too.
                    raw->submit({"PING", nullptr, {}, {}}, kAmple,
                                [&](Outcome<Reply> again) { closed += again ? 0 : 1; });
                });
        }
    }
    EXPECT_EQ(closed, 200);
}

}  // namespace
}  // namespace turnpike::cluster
