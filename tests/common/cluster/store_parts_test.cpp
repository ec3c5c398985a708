// The parts of a store that need no store: URLs, keys, slots, ids, pauses.
#include <gtest/gtest.h>

#include "common/cluster/breaker.hpp"
#include "common/cluster/cluster_slots.hpp"
#include "common/cluster/keys.hpp"
#include "common/cluster/open_store.hpp"
#include "common/cluster/reply_reader.hpp"
#include "common/cluster/store_url.hpp"
#include "tests/support/store_test.hpp"

namespace turnpike::cluster {
namespace {

using store_test::g_clock;
using store_test::g_random;

StoreUrl url(std::string_view text) {
    auto parsed = StoreUrl::parse(text);
    EXPECT_TRUE(parsed) << text << " " << parsed.error();
    return parsed ? std::move(*parsed) : StoreUrl{};
}
std::string problem(std::string_view text) {
    const auto parsed = StoreUrl::parse(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? "" : parsed.error();
}

TEST(StoreUrlText, HasTheFormsOfTheManual) {
    EXPECT_EQ(url("memory://").kind, StoreUrl::Kind::Memory);
    EXPECT_EQ(url("redis://redis.example").addresses,
              (std::vector<StoreAddress>{{"", "redis.example", 6379}}));
    const StoreUrl full =
        url("rediss://relay:p%40ss%2Fword@[2001:db8::1]:6380/"
            "7?ca=%2Fetc%2Fca.pem&server_name=r.example");
    EXPECT_TRUE(full.tls);
    EXPECT_EQ(full.addresses, (std::vector<StoreAddress>{{"", "2001:db8::1", 6380}}));
    EXPECT_EQ(full.login.user, "relay");
    EXPECT_EQ(as_text(full.login.password.reveal()), "p@ss/word");
    EXPECT_EQ(full.database, 7);
    EXPECT_EQ(full.ca, "/etc/ca.pem");
    EXPECT_EQ(full.server_name, "r.example");
    EXPECT_EQ(full.shown(), "rediss://[2001:db8::1]:6380/7");
    const StoreUrl socket =
        url("redis+unix:///run/redis/redis.sock?db=2&user=relay&password_file=/etc/secret");
    EXPECT_EQ(socket.addresses.front().to_string(), "unix:/run/redis/redis.sock");
    EXPECT_EQ(socket.login.password_file, "/etc/secret");
    EXPECT_EQ(socket.shown(), "redis+unix:///run/redis/redis.sock?db=2");
    const StoreUrl sentinel =
        url("redis+sentinel://:pw@s1,s2:26380,[::1]/main/3?sentinel_password_file=/etc/s");
    EXPECT_EQ(sentinel.master, "main");
    EXPECT_EQ(sentinel.database, 3);
    EXPECT_EQ(sentinel.addresses.size(), 3U);
    EXPECT_EQ(sentinel.addresses[0].port, 26379);
    EXPECT_EQ(sentinel.shown(), "redis+sentinel://s1:26379,s2:26380,[::1]:26379/main/3");
    EXPECT_EQ(url("rediss+cluster://a:7000,b:7001").kind, StoreUrl::Kind::Cluster);
}

TEST(StoreUrlText, RefusesWithAReasonAndWithoutThePassword) {
    for (const char* text : {"",
                             "redis",
                             "http://a",
                             "redis://",
                             "redis://a:0",
                             "redis://a:65536",
                             "redis://a:x",
                             "redis://a b",
                             "redis://[::1",
                             "redis://a,b",
                             "redis://a/x",
                             "redis://a/-1",
                             "redis://a?db",
                             "redis://a?ca=/x",
                             "redis://a?what=1",
                             "redis://user@a",
                             "redis://user:@a",
                             "redis://a?user=x",
                             "redis://:p%0A@a",
                             "redis://:p%zz@a",
                             "redis://:p@a?password_file=/x",
                             "redis+unix://host/path",
                             "redis+unix://",
                             "redis+unix:///",
                             "redis+sentinel://a",
                             "redis+sentinel://a/",
                             "redis+cluster://a/1",
                             "redis+cluster://a,a",
                             "memory://x",
                             "rediss://a?cert=/x",
                             "redis://a?password_file=",
                             "redis+sentinel://a/m?sentinel_user=x"}) {
        EXPECT_FALSE(problem(text).empty()) << text;
    }
    EXPECT_EQ(problem("redis://:hunter2@a:x").find("hunter2"), std::string::npos);
    EXPECT_FALSE(problem("redis+unix:///" + std::string(200, 'x')).empty());
    EXPECT_FALSE(problem("redis://" + std::string(3000, 'x')).empty());
    EXPECT_FALSE(open_store("redis://", g_clock, g_random));
    EXPECT_TRUE(open_store("memory://", g_clock, g_random));
}

TEST(ClusterSlots, AreThoseOfRedis) {
    EXPECT_EQ(hash_slot("123456789"), 0x31C3 % 16384);
    EXPECT_EQ(hash_slot("foo"), 12182);
    EXPECT_EQ(hash_slot("bar"), 5061);
    EXPECT_EQ(hash_slot("{user1000}.following"), hash_slot("{user1000}.followers"));
    EXPECT_EQ(hash_slot("foo{{bar}}zap"), hash_slot("{bar"));
    EXPECT_EQ(hash_slot("foo{bar}{zap}"), hash_slot("bar"));
    EXPECT_NE(hash_slot("{}foo"), hash_slot("{}bar"));  // an empty tag is none
}

Reply range(std::int64_t first, std::int64_t last, std::string host, std::int64_t port) {
    return Reply::array({Reply::number(first), Reply::number(last),
                         Reply::array({Reply::bytes(std::move(host)), Reply::number(port)})});
}

TEST(ClusterSlots, AnUntrustedTableIsChecked) {
    const auto good = slot_ranges(
        Reply::array({range(0, 8191, "10.0.0.1", 1), range(8192, 16383, "", 2)}), "asked");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->at(1).master, (StoreAddress{"", "asked", 2}));
    for (const Reply& bad :
         {Reply::nil(), Reply::number(1), Reply::array({Reply::nil()}),
          Reply::array({range(0, 16384, "a", 1)}), Reply::array({range(-1, 5, "a", 1)}),
          Reply::array({range(5, 4, "a", 1)}),
          Reply::array({range(0, 5, "a", 1), range(5, 9, "b", 1)}),
          Reply::array({range(0, 5, "a", 0)}), Reply::array({range(0, 5, "a", 65536)}),
          Reply::array({range(0, 5, "a b", 1)})}) {
        EXPECT_FALSE(slot_ranges(bad, "asked"));
    }
    const auto moved = redirect_in("MOVED 3999 [::1]:6381");
    EXPECT_FALSE(moved);
    EXPECT_EQ(redirect_in("ASK 3999 2001:db8::1:6381")->to,
              (StoreAddress{"", "2001:db8::1", 6381}));
    EXPECT_EQ(redirect_in("MOVED 3999 :6381")->to, (StoreAddress{"", "", 6381}));
    for (const char* text : {"MOVED", "MOVED ", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1",
                             "MOVED 1 a", "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED:1 2"})
        EXPECT_FALSE(redirect_in(text)) << text;
}

TEST(KeyNames, HaveOneTagAndCannotBeMistaken) {
    const Keys keys;
    EXPECT_EQ(keys.node_info(), "turnpike:{nodes}:info");
    EXPECT_EQ(keys.node_allocations("relay-1"), "turnpike:{n:relay-1}:alloc");
    EXPECT_NE(keys.quota("a:b", "c"), keys.quota("a", "b:c"));
    EXPECT_EQ(keys.room_log("}{"), "turnpike:{room:%7D%7B}:log");
    EXPECT_EQ(hash_slot(keys.room_log("x}")), hash_slot(keys.room_meta("x}")));
    EXPECT_EQ(Keys::part("a%3A"), "a%253A");
    EXPECT_EQ(Keys{"other:"}.secrets("r"), "other:{r:r}:secrets");
}

TEST(StreamIds, AreReadAndWritten) {
    EXPECT_EQ(StreamId::parse("12-3"), (StreamId{12, 3}));
    EXPECT_EQ((StreamId{12, 3}).to_string(), "12-3");
    EXPECT_EQ((StreamId{1, UINT64_MAX}).next(), (StreamId{2, 0}));
    EXPECT_EQ((StreamId{UINT64_MAX, UINT64_MAX}).next(), (StreamId{UINT64_MAX, UINT64_MAX}));
    for (const char* text :
         {"", "-", "1", "1-", "-1", "1-2-3", "a-1", "1-a", "18446744073709551616-0", " 1-1"})
        EXPECT_FALSE(StreamId::parse(text)) << text;
}

TEST(Breakers, OpenAfterMissesInARowAndCloseWhenToldTo) {
    Breaker breaker{3};
    EXPECT_FALSE(breaker.missed_deadline());
    EXPECT_FALSE(breaker.missed_deadline());
    breaker.answered();
    EXPECT_FALSE(breaker.missed_deadline());
    EXPECT_FALSE(breaker.missed_deadline());
    EXPECT_TRUE(breaker.missed_deadline());
    EXPECT_TRUE(breaker.open());
    EXPECT_FALSE(breaker.missed_deadline());  // it is open already
    breaker.answered();
    EXPECT_TRUE(breaker.open());
    breaker.close();
    EXPECT_FALSE(breaker.open());
}

TEST(BackOffs, DoubleUpToTheirMostAndAreHalfByChance) {
    BackOff pauses{50ms, 2s};
    Milliseconds whole = 50ms;
    for (int i = 0; i < 20; ++i) {
        const Milliseconds pause = pauses.next(g_random);
        EXPECT_GE(pause, whole / 2);
        EXPECT_LE(pause, whole);
        whole = std::min(whole * 2, Milliseconds{2s});
    }
    pauses.reset();
    EXPECT_LE(pauses.next(g_random), 50ms);
}

TEST(ReplyReaders, ReadWhateverTheCutsAre) {
    const std::string bytes =
        std::string{"*3\r\n$5\r\na\r\nb"} + '\0' + "\r\n:-7\r\n*2\r\n$-1\r\n+OK\r\n-ERR no\r\n";
    const Reply expected =
        Reply::array({Reply::bytes(std::string{"a\r\nb"} + '\0'), Reply::number(-7),
                      Reply::array({Reply::nil(), Reply::status("OK")})});
    for (std::size_t cut = 1; cut <= bytes.size(); ++cut) {
        ReplyReader reader;
        std::vector<Outcome<Reply>> out;
        for (std::size_t at = 0; at < bytes.size(); at += cut)
            ASSERT_TRUE(reader.feed(as_bytes(std::string_view{bytes}.substr(at, cut)), out))
                << reader.problem();
        ASSERT_EQ(out.size(), 2U) << cut;
        EXPECT_EQ(out[0], expected);
        EXPECT_EQ(out[1], Reply::error("ERR no"));
    }
}

}  // namespace
}  // namespace turnpike::cluster
