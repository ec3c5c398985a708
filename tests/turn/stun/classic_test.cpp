#include "turn/stun/classic.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike::stun {
namespace {

using test::from_hex;

TEST(ClassicError, AnswersARequestWithoutTheMagicCookie) {
    const auto error = classic_error(from_hex("0001 0000 00112233 445566778899aabbccddeeff"));
    ASSERT_TRUE(error);
    EXPECT_EQ(from_hex("0111 0008 00112233 445566778899aabbccddeeff 0009 0004 0000 0500"),
              Bytes(error->begin(), error->end()));
}

TEST(ClassicError, IsForNothingElse) {
    EXPECT_FALSE(classic_error(from_hex("0001 0000 2112a442 445566778899aabbccddeeff")))
        << "not classic";
    EXPECT_FALSE(classic_error(from_hex("0011 0000 00112233 445566778899aabbccddeeff")))
        << "an indication";
    EXPECT_FALSE(classic_error(from_hex("0101 0000 00112233 445566778899aabbccddeeff")))
        << "an answer";
    EXPECT_FALSE(classic_error(from_hex("0111 0000 00112233 445566778899aabbccddeeff")))
        << "an error: no loops";
    EXPECT_FALSE(classic_error(from_hex("0001 0004 00112233 445566778899aabbccddeeff"))) << "cut";
    EXPECT_FALSE(classic_error(from_hex("8001 0000 00112233 445566778899aabbccddeeff")))
        << "no STUN at all";
    EXPECT_FALSE(classic_error(from_hex("0001 0000 00112233 445566"))) << "half a header";
    EXPECT_FALSE(classic_error({}));
}

}  // namespace
}  // namespace turnpike::stun
