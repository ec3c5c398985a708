#include "turn/net/path_mtus.hpp"

#include <gtest/gtest.h>

namespace turnpike::net {
namespace {

const Instant kStart{1000s};
IpAddress peer(unsigned number) { return IpAddress::parse("2001:db8::" + std::to_string(number)).value(); }

TEST(PathMtusTest, WhatIsLargerThanAPathTakesIsKnown) {
    PathMtus mtus;
    EXPECT_TRUE(mtus.empty());
    EXPECT_FALSE(mtus.too_big(65'535, peer(1), kStart));
    mtus.learn(peer(1), 1400, kStart);
    EXPECT_FALSE(mtus.empty());
    EXPECT_FALSE(mtus.too_big(1400, peer(1), kStart));
    EXPECT_TRUE(mtus.too_big(1401, peer(1), kStart));
    EXPECT_FALSE(mtus.too_big(1401, peer(2), kStart));
    mtus.learn(peer(1), 1350, kStart);
    EXPECT_TRUE(mtus.too_big(1400, peer(1), kStart)) << "the newest counts";
}

TEST(PathMtusTest, AnEntryLastsTenMinutes) {
    PathMtus mtus;
    mtus.learn(peer(1), 1400, kStart);
    EXPECT_TRUE(mtus.too_big(1500, peer(1), kStart + 599s));
    EXPECT_FALSE(mtus.too_big(1500, peer(1), kStart + 600s));
}

// RFC 8201 §4: no less than every link of IPv6 takes, whoever says so.
TEST(PathMtusTest, NothingIsBelowTheLeastOfIpv6) {
    PathMtus mtus;
    mtus.learn(peer(1), 68, kStart);
    EXPECT_FALSE(mtus.too_big(1280, peer(1), kStart));
    EXPECT_TRUE(mtus.too_big(1281, peer(1), kStart));
}

TEST(PathMtusTest, ManyPeersPushOutTheOldest) {
    PathMtus mtus;
    for (unsigned i = 1; i <= 65; ++i) mtus.learn(peer(i), 1400, kStart);
    EXPECT_FALSE(mtus.too_big(1500, peer(1), kStart));
    for (unsigned i = 2; i <= 65; ++i) EXPECT_TRUE(mtus.too_big(1500, peer(i), kStart)) << i;
}

}  // namespace
}  // namespace turnpike::net
