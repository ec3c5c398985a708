#include "common/base/slab.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace turnpike {
namespace {

TEST(Slab, GivesEachObjectItsOwnCacheLines) {
    Slab slab{100};
    std::set<std::uintptr_t> taken;
    for (int i = 0; i < 50'000; ++i) {  // more than one chunk
        void* const object = slab.take();
        std::memset(object, 0xFF, 100);
        const auto at = reinterpret_cast<std::uintptr_t>(object);
        EXPECT_EQ(at % 64, 0U);
        const auto next = taken.lower_bound(at);
        ASSERT_TRUE(next == taken.end() || *next - at >= 128);
        ASSERT_TRUE(next == taken.begin() || at - *std::prev(next) >= 128);
        taken.insert(at);
    }
}

TEST(Slab, UsesAgainWhatWasGivenBack) {
    Slab slab{64};
    void* const first = slab.take();
    void* const second = slab.take();
    slab.give_back(first);
    slab.give_back(second);
    EXPECT_EQ(slab.take(), second);
    EXPECT_EQ(slab.take(), first);
    void* const third = slab.take();
    EXPECT_TRUE(third != first && third != second);
}

TEST(Slab, ThreadsShareIt) {
    Slab slab{64};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&slab, t] {
            std::vector<std::uint64_t*> mine;
            for (std::uint64_t i = 0; i < 2'000; ++i) {
                mine.push_back(static_cast<std::uint64_t*>(slab.take()));
                *mine.back() = i * 4 + static_cast<std::uint64_t>(t);
                if (i % 3 != 0) continue;
                slab.give_back(mine.front());
                mine.erase(mine.begin());
            }
            for (const std::uint64_t* const object : mine) EXPECT_EQ(*object % 4, static_cast<std::uint64_t>(t));
        });
    }
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace turnpike
