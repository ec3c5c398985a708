// A server that answers what Redis would not: every answer is untrusted. One command loses its
// answer; nothing else is harmed.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "tests/support/fake_redis.hpp"
#include "tests/support/store_test.hpp"

namespace turnpike::cluster {
namespace {

using namespace store_test;
using Kind = StoreError::Kind;

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

/// Answers HGETALL, and what the key says: the key of "GET" is the answer.
std::string echo(const std::vector<std::string>& words) {
    if (words[0] == "PING") return {};
    if (words[0] == "GET" && words[1] == "good") return bulk("good");
    return words.size() > 1 ? words[1] : "-ERR what\r\n";
}

TEST(HostileRedis, AnAnswerOfTheWrongShapeIsCountedAndHarmsNoOther) {
    FakeRedis server{&echo};
    const auto store = open("redis+unix://" + server.socket());
    const std::vector<std::string> shapes{
        ":1\r\n",
        "+OK\r\n",
        "*0\r\n",
        "*1\r\n$1\r\na\r\n",
        "*2\r\n*0\r\n:7\r\n",
        "*-1\r\n",
        "$-1\r\n",
        bulk("text"),
        "*2\r\n$1\r\na\r\n$-1\r\n",
        "*1\r\n*2\r\n$3\r\n1-1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*2\r\n$1\r\nx\r\n*0\r\n",
        "*2\r\n*2\r\n$3\r\n2-1\r\n*0\r\n*2\r\n$3\r\n1-1\r\n*0\r\n",  // ids that go back
        "*2\r\n$2\r\n-1\r\n*0\r\n",
        "*2\r\n$30\r\n111111111111111111111111111111\r\n*0\r\n",
        "*7\r\n*7\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n*0\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:"
        "1\r\n"};
    int bad = 0;
    for (const std::string& shape : shapes) {
        const auto note = [&](const auto& outcome) {
            if (outcome) return;
            EXPECT_EQ(outcome.error().kind, Kind::BadReply)
                << shape << ": " << outcome.error().detail;
            ++bad;
        };
        note(ask(*store, query::text(shape)));
        note(ask(*store, query::hash(shape)));
        note(ask(*store, query::hash_page(shape)));
        note(ask(*store, query::members(shape)));
        note(ask(*store, query::last_entry(shape)));
        note(ask(*store, query::entries_after(shape, {})));
        note(ask(*store, query::remove(shape)));
        note(ask(*store, query::set_text(shape, "a")));
        EXPECT_EQ(get(*store, query::text("good")), "good");
    }
    EXPECT_GT(bad, 80);
    EXPECT_EQ(store->status().bad_replies, static_cast<std::uint64_t>(bad));
    EXPECT_EQ(store->status().connects, 1U);
    EXPECT_EQ(store->status().state, StoreStatus::State::Up);
}

TEST(HostileRedis, AnOversizedAnswerIsPassedOver) {
    RedisStoreOptions options;
    options.limits = {.bytes = 10'000, .elements = 1000, .passed_over = 10'000'000};
    std::string deep, many = "*2000\r\n";
    for (int i = 0; i < 20; ++i) deep += "*1\r\n";
    for (int i = 0; i < 2000; ++i) many += ":1\r\n";
    const std::map<std::string, std::string> answers{
        {"large", bulk(std::string(5'000'000, 'x'))},
        {"deep", deep + ":1\r\n"},
        {"many", many},
        {"line", "-ERR " + std::string(50'000, 'x') + "\r\n"},
        {"nested", "*2\r\n" + bulk(std::string(20'000, 'x')) + ":1\r\n"}};
    FakeRedis server{[&](const std::vector<std::string>& words) -> std::string {
        if (words[0] == "PING") return {};
        const auto at = answers.find(words.at(1));
        return at == answers.end() ? bulk("good") : at->second;
    }};
    const auto store = open("redis+unix://" + server.socket(), options);
    for (const auto& [name, answer] : answers) {
        EXPECT_EQ(why_not(*store, query::text(name)), Kind::BadReply) << name;
        EXPECT_EQ(get(*store, query::text("any")), "good") << name;
    }
    EXPECT_EQ(store->status().bad_replies, answers.size());
    EXPECT_EQ(server.connections(), 1);
}

TEST(HostileRedis, WhatIsNoRespEndsTheConnectionAndNoMore) {
    const std::vector<std::string> garbage{"HTTP/1.1 400 Bad Request\r\n\r\n",
                                           "%1\r\n+a\r\n+b\r\n",
                                           "$-2\r\n",
                                           "$abc\r\n",
                                           "*99999999999999\r\n",
                                           "$600000000\r\n",
                                           ":12a\r\n",
                                           ":\r\n",
                                           "$5\n",
                                           "+a\nb\r\n",
                                           ":1\r\n:2\r\n",
                                           std::string(100, '*')};
    FakeRedis server{&echo};
    RedisStoreOptions options;
    options.back_off_most = 60ms;
    const auto store = open("redis+unix://" + server.socket(), options);
    for (const std::string& bytes : garbage) {
        ask(*store, query::text(bytes));
        EXPECT_TRUE(eventually([&] { return !why_not(*store, query::text("good")); })) << bytes;
    }
    EXPECT_EQ(store->status().failures, garbage.size()) << store->status().last_error;
    EXPECT_EQ(get(*store, query::text("good")), "good");
}

TEST(HostileRedis, RedirectionsThatLeadNowhereEnd) {
    FakeRedis server{&echo};
    const auto store = open("redis+unix://" + server.socket());
    EXPECT_EQ(why_not(*store, query::text("-MOVED 99999 a:1\r\n")), Kind::BadReply);
    EXPECT_EQ(why_not(*store, query::text("-MOVED 1\r\n")), Kind::BadReply);
    EXPECT_EQ(why_not(*store, query::text("-ASK 1 :\r\n")), Kind::BadReply);
    EXPECT_EQ(why_not(*store, query::text("-MOVED 1 127.0.0.1:1\r\n")),
              Kind::Failed);  // no redis+cluster://
    EXPECT_EQ(get(*store, query::text("good")), "good");
}

TEST(HostileRedis, EachErrorHasItsClass) {
    FakeRedis server{&echo};
    const auto store = open("redis+unix://" + server.socket());
    const std::map<std::string, Kind> kinds{{"READONLY You can't write", Kind::Refused},
                                            {"OOM command not allowed", Kind::Refused},
                                            {"MISCONF Redis is configured", Kind::Refused},
                                            {"NOREPLICAS Not enough", Kind::Refused},
                                            {"NOAUTH Authentication required.", Kind::Denied},
                                            {"NOPERM this user", Kind::Denied},
                                            {"WRONGTYPE Operation", Kind::WrongType},
                                            {"ERR unknown command", Kind::Failed},
                                            {"WHATEVER", Kind::Failed},
                                            {"", Kind::Failed},
                                            {"NOSCRIPT No matching", Kind::Failed}};
    for (const auto& [text, kind] : kinds) {
        EXPECT_EQ(why_not(*store, query::text("-" + text + "\r\n")), kind) << text;
    }
    // Those that pass are waited for, up to the deadline.
    for (const std::string text : {"LOADING Redis is loading", "BUSY Redis is busy", "TRYAGAIN",
                                   "CLUSTERDOWN", "MASTERDOWN"}) {
        EXPECT_EQ(why_not(*store, query::text("-" + text + "\r\n"), 200ms), Kind::Unavailable)
            << text;
    }
    EXPECT_EQ(get(*store, query::text("good")), "good");
}

TEST(HostileRedis, ALoadingServerIsWaitedFor) {
    std::atomic<int> loading{3}, pings{2};
    FakeRedis server{[&](const std::vector<std::string>& words) -> std::string {
        if (words[0] == "PING")
            return pings-- > 0 ? "-LOADING Redis is loading the dataset in memory\r\n" : "";
        return loading-- > 0 ? "-LOADING Redis is loading the dataset in memory\r\n" : bulk("good");
    }};
    const auto store = open("redis+unix://" + server.socket());
    EXPECT_TRUE(eventually([&] { return store->status().state == StoreStatus::State::Up; }));
    EXPECT_EQ(get(*store, query::text("a")), "good");
    EXPECT_LT(loading, 0);
}

TEST(HostileRedis, AServerThatClosesOnEachCommandIsNotAskedInATightLoop) {
    FakeRedis server{[](const std::vector<std::string>& words) -> std::string {
        return words[0] == "PING" ? "" : "close";
    }};
    const auto store = open("redis+unix://" + server.socket());
    const Instant begun = g_clock.now();
    int asked = 0;
    while (g_clock.now() - begun < 1s) {
        ask(*store, query::text("a"));
        ++asked;
    }
    // 50, 100, 200, 400 ms ..., half of each by chance.
    EXPECT_LT(server.connections(), 10) << asked;
}

}  // namespace
}  // namespace turnpike::cluster
