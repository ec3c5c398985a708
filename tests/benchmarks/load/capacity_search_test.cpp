#include "benchmarks/load/capacity_search.hpp"

#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

// Asks for rates of a server that can do `capacity`; how often it asked.
int search_of(CapacitySearch& search, double capacity) {
    int asked = 0;
    while (const auto rate = search.next()) {
        search.told(*rate <= capacity);
        if (++asked > 100) break;
    }
    return asked;
}

TEST(CapacitySearch, FindsACapacityWithinItsResolution) {
    for (const double capacity : {1500.0, 98'000.0, 1e6}) {
        CapacitySearch search{{.first = 1000, .step = 1.5, .highest = 1e7, .resolution = 0.05}};
        EXPECT_LE(search_of(search, capacity), 40) << capacity;
        EXPECT_LE(search.best(), capacity);
        EXPECT_GE(search.best(), capacity * 0.95);
        ASSERT_TRUE(search.worst());
        EXPECT_GT(*search.worst(), capacity);
    }
}

TEST(CapacitySearch, GoesBelowItsFirstRate) {
    CapacitySearch search{{.first = 1000, .step = 2, .highest = 1e6, .resolution = 0.05}};
    search_of(search, 300);
    EXPECT_NEAR(search.best(), 300, 20);
}

TEST(CapacitySearch, NothingPassesWhereNothingDoes) {
    CapacitySearch search{{.first = 1000, .step = 2, .highest = 1e6, .resolution = 0.05}};
    EXPECT_LE(search_of(search, 0), 30);
    EXPECT_EQ(search.best(), 0);
}

TEST(CapacitySearch, EndsAtItsHighestRate) {
    CapacitySearch search{{.first = 1000, .step = 2, .highest = 3000, .resolution = 0.05}};
    EXPECT_EQ(search_of(search, 1e9), 3);
    EXPECT_EQ(search.best(), 3000);
    EXPECT_FALSE(search.worst());
}

TEST(CapacitySearch, OneFailureIsAHiccup) {
    CapacitySearch search{{.first = 1000, .step = 2, .highest = 4000, .resolution = 0.05}};
    search.told(false);
    EXPECT_EQ(search.next(), 1000);
    search.told(true);
    EXPECT_EQ(search.next(), 2000);
    EXPECT_EQ(search.best(), 1000);
}

}  // namespace
}  // namespace turnpike::bench
