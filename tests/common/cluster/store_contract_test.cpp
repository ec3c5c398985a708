// What every store keeps, whatever is behind it. One suite, run against the memory of this process
// and against real servers: a unix socket, TCP, TLS, a master found through sentinels, a Redis
// Cluster.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "common/cluster/bus.hpp"
#include "common/cluster/keys.hpp"
#include "common/cluster/memory_store.hpp"
#include "tests/support/redis_topologies.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/support/store_test.hpp"

namespace turnpike::cluster {
namespace {

using namespace store_test;

/// The servers of one kind of store: started for its first test, ended after its last.
struct Servers {
    std::unique_ptr<RedisServer> one;
    std::unique_ptr<RedisSentinels> sentinels;
    std::unique_ptr<RedisClusterOfThree> cluster;
    std::unique_ptr<TempDir> files;
    std::string url;
};

Servers make_servers(const std::string& kind) {
    Servers out;
    if (kind == "unix") {
        out.one = std::make_unique<RedisServer>();
        out.url = url_of(*out.one);
    } else if (kind == "tcp") {
        out.one = std::make_unique<RedisServer>(RedisServer::Setup{.tcp = true});
        out.url = "redis://localhost:" + std::to_string(out.one->port()) + "/3";
    } else if (kind == "tls") {
        out.files = std::make_unique<TempDir>();
        const SelfSigned pair = SelfSigned::make();
        const std::string certificate = out.files->write("cert.pem", pair.certificate).string();
        const std::string key = out.files->write("key.pem", pair.key).string();
        out.one = std::make_unique<RedisServer>(
            RedisServer::Setup{.tls = true,
                               .arguments = {"--tls-cert-file", certificate, "--tls-key-file", key,
                                             "--tls-ca-cert-file", certificate}});
        out.url = "rediss://127.0.0.1:" + std::to_string(out.one->port()) + "?ca=" + certificate +
                  "&cert=" + certificate + "&key=" + key;
    } else if (kind == "sentinel") {
        out.sentinels = std::make_unique<RedisSentinels>();
        out.url = out.sentinels->url();
    } else if (kind == "cluster") {
        out.cluster = std::make_unique<RedisClusterOfThree>();
        out.url = out.cluster->url();
    }
    return out;
}

class StoreContract : public testing::TestWithParam<const char*> {
protected:
    static inline std::map<std::string, Servers> servers_;
    static void TearDownTestSuite() { servers_.clear(); }

    void SetUp() override {
        const std::string kind = GetParam();
        if (kind == "memory") {
            store_ = std::make_unique<MemoryStore>(g_clock);
            return;
        }
        if (!RedisServer::available()) GTEST_SKIP() << RedisServer::kMissing;
        if (!servers_.contains(kind)) servers_[kind] = make_servers(kind);
        store_ = open(servers_[kind].url);
    }
    Store& store() { return *store_; }
    /// A key of this test alone; keys of one `tag` lie together.
    std::string key(const std::string& name, const std::string& tag = "t") {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        return "test:{" + std::string{info->name()} + tag + "}:" + name;
    }

    std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, KeepsTexts) {
    const std::string k = key("text");
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{});
    EXPECT_EQ(get(store(), query::set_text(k, "one")), true);
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{"one"});
    EXPECT_EQ(get(store(), query::set_text(k, "two", 0ms, true)), false);
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{"one"});
    EXPECT_EQ(get(store(), query::remove(k)), true);
    EXPECT_EQ(get(store(), query::remove(k)), false);
    EXPECT_EQ(get(store(), query::set_text(k, "three", 1h, true)), true);
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{"three"});
}

TEST_P(StoreContract, KeepsBytesAsTheyAre) {
    std::string all;
    for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
    const std::string value = all + "\r\n$-1\r\n*3\r\n" + std::string(100'000, '\0');
    EXPECT_EQ(get(store(), query::set_text(key(all), value)), true);
    EXPECT_EQ(get(store(), query::text(key(all))), std::optional{value});
    EXPECT_EQ(get(store(), query::set_text(key("empty"), "")), true);
    EXPECT_EQ(get(store(), query::text(key("empty"))), std::optional<std::string>{""});
}

TEST_P(StoreContract, KeepsHashes) {
    const std::string k = key("hash");
    EXPECT_EQ(get(store(), query::hash(k)), Fields{});
    EXPECT_EQ(get(store(), query::update_hash(k, {{"a", "1"}, {"b", "2"}, {"c", ""}}, {}, 0ms)), 3);
    EXPECT_EQ(get(store(), query::hash_field(k, "b")), std::optional<std::string>{"2"});
    EXPECT_EQ(get(store(), query::hash_field(k, "none")), std::optional<std::string>{});
    const std::vector<std::string> gone{"a", "none"};
    EXPECT_EQ(get(store(), query::update_hash(k, {{"b", "3"}}, gone, 1h)), 2);
    Fields left = ask(store(), query::hash(k)).value();
    std::ranges::sort(left);
    EXPECT_EQ(left, (Fields{{"b", "3"}, {"c", ""}}));
    const std::vector<std::string> all{"b", "c"};
    EXPECT_EQ(get(store(), query::update_hash(k, {}, all, 1h)), 0);
    EXPECT_EQ(get(store(), query::remove(k)), false);
}

TEST_P(StoreContract, ListsAHashByPagesWhileItChanges) {
    const std::string k = key("hash");
    Fields many;
    for (int i = 0; i < 2000; ++i)
        many.emplace_back("field-" + std::to_string(i), std::string(100, 'x'));
    ASSERT_EQ(ask(store(), query::update_hash(k, many, {}, 1h)), 2000);
    std::set<std::string> seen;
    std::string at = "0";
    int pages = 0;
    do {
        const auto page = ask(store(), query::hash_page(k, at, 100));
        ASSERT_TRUE(page) << page.error().detail;
        EXPECT_LT(page->fields.size(), 1000U);
        for (const auto& [name, value] : page->fields) seen.insert(name);
        at = page->next;
        // One comes, and one that was seen goes.
        const std::vector<std::string> gone{page->fields.empty() ? "none"
                                                                 : page->fields.front().first};
        ASSERT_TRUE(
            ask(store(), query::update_hash(k, {{"new-" + std::to_string(pages), ""}}, gone, 1h)));
        ASSERT_LT(++pages, 500);
    } while (at != "0");
    EXPECT_GT(pages, 5);
    for (const auto& [name, value] : many) EXPECT_TRUE(seen.contains(name)) << name;
    const auto none = ask(store(), query::hash_page(key("none")));
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->fields.empty());
    EXPECT_EQ(none->next, "0");
}

TEST_P(StoreContract, KeepsSets) {
    const std::string k = key("set");
    EXPECT_EQ(get(store(), query::members(k)), std::vector<std::string>{});
    EXPECT_EQ(get(store(), query::add_member(k, "one")), 1);
    EXPECT_EQ(get(store(), query::add_member(k, "one")), 0);
    EXPECT_EQ(get(store(), query::add_member(k, "two")), 1);
    auto members = ask(store(), query::members(k)).value();
    std::ranges::sort(members);
    EXPECT_EQ(members, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(get(store(), query::remove_member(k, "one")), 1);
    EXPECT_EQ(get(store(), query::remove_member(k, "one")), 0);
}

TEST_P(StoreContract, KeepsStreams) {
    const std::string k = key("stream");
    EXPECT_EQ(get(store(), query::last_entry(k)), std::optional<StreamId>{});
    std::vector<StreamId> ids;
    for (int i = 0; i < 300; ++i) {
        const auto id =
            ask(store(), query::append(k, {{"n", std::to_string(i)}, {"n", "again"}}, 1000, 1h));
        ASSERT_TRUE(id) << id.error().detail;
        EXPECT_TRUE(ids.empty() || *id > ids.back());
        ids.push_back(*id);
    }
    EXPECT_EQ(get(store(), query::last_entry(k)), std::optional{ids.back()});
    const auto some = ask(store(), query::entries_after(k, ids[9], 5));
    ASSERT_TRUE(some);
    ASSERT_EQ(some->size(), 5U);
    EXPECT_EQ(some->front(), (StreamEntry{ids[10], {{"n", "10"}, {"n", "again"}}}));
    EXPECT_EQ(some->back().id, ids[14]);
    EXPECT_EQ(get(store(), query::entries_after(k, {}, 1000)).size(), 300U);
    EXPECT_TRUE(ask(store(), query::entries_after(k, ids.back()))->empty());
    EXPECT_TRUE(ask(store(), query::entries_after(k, {UINT64_MAX, UINT64_MAX}))->size() <= 1);
}

TEST_P(StoreContract, CutsStreams) {
    const std::string k = key("stream");
    StreamId last;
    for (int i = 0; i < 600; ++i)
        last = ask(store(), query::append(k, {{"n", std::to_string(i)}}, 200)).value();
    const auto left = ask(store(), query::entries_after(k, {}, 1000));
    ASSERT_TRUE(left);
    EXPECT_GE(left->size(), 200U);
    EXPECT_LE(left->size(), 320U);
    EXPECT_EQ(left->back().id, last);
}

TEST_P(StoreContract, RefusesAKeyOfAnotherType) {
    const std::string k = key("text");
    ASSERT_TRUE(ask(store(), query::set_text(k, "text")));
    using Kind = StoreError::Kind;
    EXPECT_EQ(why_not(store(), query::hash(k)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::hash_page(k)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::members(k)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::last_entry(k)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::append(k, {{"a", "b"}}, 10)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::reserve_quota(k, "id", 1, 1s)), Kind::WrongType);
    EXPECT_EQ(why_not(store(), query::update_hash(k, {{"a", "b"}}, {}, 0ms)), Kind::WrongType);
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{"text"});
    EXPECT_EQ(store().status().state, StoreStatus::State::Up);
}

TEST_P(StoreContract, ForgetsWhatExpires) {
    ASSERT_TRUE(ask(store(), query::set_text(key("text"), "v", 100ms)));
    ASSERT_TRUE(ask(store(), query::update_hash(key("hash"), {{"a", "1"}}, {}, 100ms)));
    ASSERT_TRUE(ask(store(), query::append(key("stream"), {{"a", "1"}}, 10, 100ms)));
    ASSERT_TRUE(ask(store(), query::set_text(key("kept"), "v", 1h)));
    EXPECT_TRUE(eventually([&] { return !ask(store(), query::text(key("text"))).value(); }));
    EXPECT_TRUE(eventually([&] { return ask(store(), query::hash(key("hash"))).value().empty(); }));
    EXPECT_TRUE(
        eventually([&] { return !ask(store(), query::last_entry(key("stream"))).value(); }));
    EXPECT_TRUE(ask(store(), query::text(key("kept"))).value());
}

TEST_P(StoreContract, RenewsAnExpiry) {
    ASSERT_TRUE(ask(store(), query::update_hash(key("hash"), {{"a", "1"}}, {}, 300ms)));
    ASSERT_TRUE(ask(store(), query::set_text(key("text"), "v", 300ms)));
    ASSERT_TRUE(ask(store(), query::update_hash(key("hash"), {}, {}, 1h)));
    EXPECT_TRUE(eventually([&] { return !ask(store(), query::text(key("text"))).value(); }));
    EXPECT_EQ(get(store(), query::hash(key("hash"))).size(), 1U);
}

TEST_P(StoreContract, GrantsExactlyAsManyPlacesAsThereAre) {
    const std::string k = key("quota");
    std::atomic<int> granted{0}, refused{0}, failed{0};
    std::promise<void> all;
    std::vector<std::thread> nodes;
    for (int node = 0; node < 3; ++node) {
        nodes.emplace_back([&, node] {
            for (int i = 0; i < 10; ++i) {
                store().run<QuotaAnswer>(
                    query::reserve_quota(k, std::to_string(node) + "." + std::to_string(i), 10, 1h),
                    kAmple, [&](Outcome<QuotaAnswer> answer) {
                        ++(!answer ? failed : answer->granted ? granted : refused);
                        if (granted + refused + failed == 30) all.set_value();
                    });
            }
        });
    }
    for (std::thread& node : nodes) node.join();
    ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds{60}), std::future_status::ready);
    EXPECT_EQ(granted, 10);
    EXPECT_EQ(refused, 20);
}

TEST_P(StoreContract, TakesPlacesBack) {
    const std::string k = key("quota");
    const auto reserve = [&](const std::string& id, Milliseconds lease = 1h) {
        return ask(store(), query::reserve_quota(k, id, 2, lease)).value();
    };
    EXPECT_TRUE(reserve("a").granted);
    EXPECT_EQ(reserve("b").held, 2);
    EXPECT_FALSE(reserve("c").granted);
    EXPECT_EQ(reserve("c").held, 2);
    EXPECT_TRUE(reserve("a").granted);  // renewed, not counted twice
    EXPECT_EQ(get(store(), query::release_quota(k, "b")), true);
    EXPECT_EQ(get(store(), query::release_quota(k, "b")), false);
    EXPECT_TRUE(reserve("c", 100ms).granted);
    EXPECT_TRUE(eventually([&] { return reserve("d").granted; }));  // after c's lease
    EXPECT_FALSE(reserve("c").granted);
    EXPECT_FALSE(ask(store(), query::reserve_quota(key("none"), "a", 0, 1h)).value().granted);
}

TEST_P(StoreContract, KeepsTheOrderOfCalls) {
    const std::string k = key("order");
    std::promise<void> all;
    std::vector<int> order;
    for (int i = 0; i < 2000; ++i) {
        store().run<bool>(query::set_text(k, std::to_string(i)), kAmple,
                          [&, i](Outcome<bool> done) {
                              if (done) order.push_back(i);
                              if (i == 1999) all.set_value();
                          });
    }
    ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds{60}), std::future_status::ready);
    ASSERT_EQ(order.size(), 2000U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
    EXPECT_EQ(get(store(), query::text(k)), std::optional<std::string>{"1999"});
}

TEST_P(StoreContract, CallsBackOnItsOwnThreadAndMayBeCalledFromThere) {
    std::promise<std::thread::id> nested;
    store().run<bool>(query::set_text(key("a"), "1"), kAmple, [&](Outcome<bool>) {
        store().run<std::optional<std::string>>(query::text(key("a")), kAmple, [&](auto) {
            nested.set_value(std::this_thread::get_id());
        });
    });
    EXPECT_NE(nested.get_future().get(), std::this_thread::get_id());
    std::promise<int> through;
    const auto post = [&](auto task) { std::thread{task}.join(); };
    store().run<std::optional<std::string>>(
        query::text(key("a")), kAmple,
        posted(post, std::function<void(Outcome<std::optional<std::string>>)>{
                         [&](auto text) { through.set_value(std::stoi(*text.value())); }}));
    EXPECT_EQ(through.get_future().get(), 1);
}

TEST_P(StoreContract, EndsWhatIsUnderWayWhenItIsClosed) {
    int called = 0;
    for (int i = 0; i < 500; ++i) {
        store().run<bool>(query::set_text(key("a"), "1"), kAmple, [&](Outcome<bool>) { ++called; });
    }
    store_.reset();
    EXPECT_EQ(called, 500);
}

TEST_P(StoreContract, TellsItsTimeAndItself) {
    const auto time = ask(store(), query::server_time());
    ASSERT_TRUE(time) << time.error().detail;
    EXPECT_LT(std::chrono::abs(*time - g_clock.wall()), 60s);
    const auto info = ask(store(), query::server_info("server"));
    ASSERT_TRUE(info);
    EXPECT_NE(info->find("redis_version:"), std::string::npos);
    const StoreStatus status = store().status();
    EXPECT_EQ(status.state, StoreStatus::State::Up);
    EXPECT_GE(status.connects, 1U);
    EXPECT_FALSE(status.server.empty());
}

TEST_P(StoreContract, WakesWatchers) {
    std::atomic<int> woken{0}, others{0};
    const std::string k = key("stream");
    const auto id = store().watch(k, [&] { ++woken; });
    const auto other = store().watch(key("other"), [&] { ++others; });
    EXPECT_TRUE(
        eventually([&] { return woken > 0 && others > 0; }));  // "look now", at the beginning
    EXPECT_TRUE(eventually([&] {
        const int before = woken;
        EXPECT_TRUE(ask(store(), query::append(k, {{"a", "1"}}, 10)));
        return eventually([&] { return woken > before; });
    }));
    store().unwatch(id);
    store().unwatch(other);
}

TEST_P(StoreContract, BusDeliversEveryEntryOnceAndInOrder) {
    const std::string k = key("stream");
    for (int i = 0; i < 700; ++i)
        ASSERT_TRUE(ask(store(), query::append(k, {{"n", std::to_string(i)}}, 5000)));
    std::mutex mutex;
    std::vector<int> all, later;
    std::atomic<bool> restarted{false};
    Bus bus{store()};
    const auto into = [&](std::vector<int>& where) {
        return [&](const Bus::Batch& batch) {
            const std::lock_guard lock{mutex};
            restarted = restarted || batch.restarted;
            for (const StreamEntry& entry : batch.entries)
                where.push_back(std::stoi(entry.fields.at(0).second));
        };
    };
    bus.follow(k, StreamId{}, into(all));
    const auto from_now = bus.follow(k, std::nullopt, into(later));
    const auto size = [&](const std::vector<int>& of) {
        const std::lock_guard lock{mutex};
        return of.size();
    };
    ASSERT_TRUE(eventually([&] { return size(all) == 700; }));
    // The second of these comes behind the second follower's first look.
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(ask(store(), query::last_entry(k)));
    std::vector<std::thread> writers;
    for (int w = 0; w < 2; ++w) {
        writers.emplace_back([&, w] {
            for (int i = 0; i < 100; ++i)
                EXPECT_TRUE(ask(
                    store(), query::append(k, {{"n", std::to_string(1000 * (w + 1) + i)}}, 5000)));
        });
    }
    for (std::thread& writer : writers) writer.join();
    ASSERT_TRUE(eventually([&] { return size(all) == 900; }));
    ASSERT_TRUE(eventually([&] { return size(later) == 200; }));
    EXPECT_FALSE(restarted);
    EXPECT_TRUE(std::ranges::is_sorted(all.begin(), all.begin() + 700));
    for (int w = 1; w <= 2; ++w) {
        std::vector<int> of;
        std::ranges::copy_if(all, std::back_inserter(of), [&](int n) { return n / 1000 == w; });
        EXPECT_EQ(of.size(), 100U);
        EXPECT_TRUE(std::ranges::is_sorted(of));
    }
    bus.unfollow(from_now);
    ASSERT_TRUE(ask(store(), query::append(k, {{"n", "5000"}}, 5000)));
    ASSERT_TRUE(eventually([&] { return size(all) == 901; }));
    EXPECT_EQ(size(later), 200U);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         testing::Values("memory", "unix", "tcp", "tls", "sentinel", "cluster"),
                         [](const auto& kind) { return std::string{kind.param}; });

}  // namespace
}  // namespace turnpike::cluster
