#include "turn/stun/demux.hpp"

#include <gtest/gtest.h>

#include "tests/support/stun_vectors.hpp"

namespace turnpike::stun {
namespace {

TEST(Classify, AnEmptyDatagramIsNothing) { EXPECT_EQ(classify({}), Kind::Other); }

// RFC 7983 §7, with ChannelData's range widened to that of RFC 5766.
TEST(Classify, GoesByTheFirstByte) {
    for (unsigned first = 0; first <= 255; ++first) {
        const std::uint8_t datagram[] = {static_cast<std::uint8_t>(first)};
        const Kind want = first <= 3                    ? Kind::Stun
                          : first >= 20 && first <= 63  ? Kind::Dtls
                          : first >= 64 && first <= 127 ? Kind::ChannelData
                                                        : Kind::Other;
        EXPECT_EQ(classify(datagram), want) << first;
    }
}

TEST(Classify, KnowsTheVectors) {
    EXPECT_EQ(classify(test::vectors::request()), Kind::Stun);
    EXPECT_EQ(classify(test::vectors::ipv6_response()), Kind::Stun);
    EXPECT_EQ(classify(test::from_hex("16 fe fd 00 00")), Kind::Dtls);
    EXPECT_EQ(classify(test::from_hex("80 60 00 01")), Kind::Other) << "RTP";
}

}  // namespace
}  // namespace turnpike::stun
