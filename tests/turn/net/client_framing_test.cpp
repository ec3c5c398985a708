#include "turn/net/client_framing.hpp"

#include <gtest/gtest.h>

#include <set>

#include "common/crypto/system_random.hpp"

namespace turnpike::net {
namespace {

// RFC 8489 §5: uniformly and randomly chosen. Of 4,096 draws each bit is set in half, give or take
// 32 (one standard deviation); eight of these are no chance.
TEST(IndicationIdsTest, LookRandomInEveryBit) {
    constexpr int kDraws = 4096, kEightDeviations = 8 * 32;
    crypto::SystemRandom random;
    IndicationIds ids{random};
    std::set<stun::TransactionId> seen;
    std::array<int, 96> set_in{}, kept_in{};
    stun::TransactionId before = ids.next();
    for (int i = 0; i < kDraws; ++i) {
        const stun::TransactionId id = ids.next();
        EXPECT_TRUE(seen.insert(id).second) << "an id came twice";
        for (std::size_t bit = 0; bit < 96; ++bit) {
            const unsigned now = (id[bit / 8] >> (bit % 8)) & 1U,
                           then = (before[bit / 8] >> (bit % 8)) & 1U;
            set_in[bit] += static_cast<int>(now);
            kept_in[bit] += now == then ? 1 : 0;
        }
        before = id;
    }
    for (std::size_t bit = 0; bit < 96; ++bit) {
        EXPECT_NEAR(kDraws / 2, set_in[bit], kEightDeviations) << "bit " << bit;
        EXPECT_NEAR(kDraws / 2, kept_in[bit], kEightDeviations)
            << "bit " << bit << " follows from the id before";
    }
}

TEST(IndicationIdsTest, DifferBetweenWorkers) {
    crypto::SystemRandom random;
    IndicationIds one{random}, other{random};
    EXPECT_NE(one.next(), other.next());
}

}  // namespace
}  // namespace turnpike::net
