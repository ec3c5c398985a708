#include "turn/stun/types.hpp"

#include <gtest/gtest.h>

#include <set>

namespace turnpike::stun {
namespace {

constexpr ErrorCode kCodes[] = {
    ErrorCode::TryAlternate,        ErrorCode::BadRequest,
    ErrorCode::Unauthenticated,     ErrorCode::Forbidden,
    ErrorCode::MobilityForbidden,   ErrorCode::UnknownAttribute,
    ErrorCode::AllocationMismatch,  ErrorCode::StaleNonce,
    ErrorCode::AddressFamilyNotSupported, ErrorCode::WrongCredentials,
    ErrorCode::UnsupportedTransport, ErrorCode::PeerAddressFamilyMismatch,
    ErrorCode::ConnectionAlreadyExists, ErrorCode::ConnectionTimeout,
    ErrorCode::AllocationQuotaReached, ErrorCode::ServerError,
    ErrorCode::InsufficientCapacity,
};

// RFC 8489 §14.8: the reason phrase has fewer than 128 characters.
TEST(Reason, EachCodeHasItsOwnShortPhrase) {
    std::set<std::string_view> phrases;
    for (const ErrorCode code : kCodes) {
        EXPECT_FALSE(reason(code).empty());
        EXPECT_LT(reason(code).size(), 128U);
        EXPECT_NE(reason(code), "Error") << static_cast<int>(code);
        phrases.insert(reason(code));
    }
    EXPECT_EQ(phrases.size(), std::size(kCodes));
}

TEST(Reason, UsesTheRfcsWords) {
    EXPECT_EQ(reason(ErrorCode::Unauthenticated), "Unauthenticated");
    EXPECT_EQ(reason(ErrorCode::StaleNonce), "Stale Nonce");
    EXPECT_EQ(reason(ErrorCode::AllocationMismatch), "Allocation Mismatch");
    EXPECT_EQ(reason(ErrorCode::InsufficientCapacity), "Insufficient Capacity");
}

TEST(Reason, AnswersForACodeThatItDoesNotKnow) { EXPECT_EQ(reason(static_cast<ErrorCode>(599)), "Error"); }

// RFC 8489 §14: types below 0x8000 must be understood.
TEST(ComprehensionRequired, IsTheLowerHalf) {
    EXPECT_TRUE(comprehension_required(0x0000));
    EXPECT_TRUE(comprehension_required(0x7FFF));
    EXPECT_FALSE(comprehension_required(0x8000));
    EXPECT_FALSE(comprehension_required(0xFFFF));
}

}  // namespace
}  // namespace turnpike::stun
