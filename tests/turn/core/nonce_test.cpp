#include "turn/core/nonce.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::Nonces;
using Verdict = Nonces::Verdict;

class Nonce : public ::testing::Test {
protected:
    static Secret secret(char fill) { return Secret{std::string(32, fill)}; }
    std::string made(WallTime when) const {
        const Nonces::Text text = nonces.make(tuple, "turnpike", when);
        return {text.data(), text.size()};
    }
    Verdict judged(std::string_view nonce, WallTime when) const { return nonces.judge(nonce, tuple, "turnpike", when); }

    Nonces nonces{secret('k'), 600s};
    FiveTuple tuple{at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    WallTime start = from_unix_seconds(1'700'000'000);
};

TEST_F(Nonce, IsFreshUntilItsLifetimeIsOver) {
    const std::string nonce = made(start);
    EXPECT_EQ(nonce.size(), 15U);
    EXPECT_EQ(judged(nonce, start), Verdict::Fresh);
    EXPECT_EQ(judged(nonce, start + 600s - 1ms), Verdict::Fresh);
    EXPECT_EQ(judged(nonce, start + 600s), Verdict::Old);
    EXPECT_EQ(judged(nonce, start + 24h * 30), Verdict::Old);
}

// Another node's clock may be a little ahead, not more.
TEST_F(Nonce, MayComeFromAClockSlightlyAhead) {
    const std::string nonce = made(start + 16s);
    EXPECT_EQ(judged(nonce, start), Verdict::Fresh);
    EXPECT_EQ(judged(made(start + 17s), start), Verdict::Old);
}

TEST_F(Nonce, SurvivesTheWrapOfItsTime) {
    const WallTime wrap = from_unix_seconds(std::int64_t{203} << 23);
    const std::string nonce = made(wrap - 1s);
    EXPECT_EQ(judged(nonce, wrap + 598s), Verdict::Fresh);
    EXPECT_EQ(judged(nonce, wrap + 599s), Verdict::Old);
    EXPECT_EQ(judged(made(wrap), wrap - 1s), Verdict::Fresh);
}

// RFC 8489 §9.2.4 and T23: bound to everything that it was made for.
TEST_F(Nonce, IsBoundToClientTransportRealmAndKey) {
    const std::string nonce = made(start);
    const auto elsewhere = [&](auto&& change) {
        FiveTuple other = tuple;
        change(other);
        return nonces.judge(nonce, other, "turnpike", start);
    };
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.port = 40001; }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.address = ip("192.0.2.2"); }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.address = ip("c000:201::"); }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.transport = Transport::Tcp; }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.server.address = ip("192.0.2.101"); }), Verdict::Fresh);  // any node
    EXPECT_EQ(nonces.judge(nonce, tuple, "turnpikf", start), Verdict::Foreign);
    EXPECT_EQ((Nonces{secret('j'), 600s}.judge(nonce, tuple, "turnpike", start)), Verdict::Foreign);
    EXPECT_EQ((Nonces{secret('k'), 600s}.judge(nonce, tuple, "turnpike", start)), Verdict::Fresh);
}

// Every flipped bit, every truncation, every other length.
TEST_F(Nonce, IsForeignOnceItIsChanged) {
    const std::string nonce = made(start);
    for (std::size_t i = 0; i < nonce.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = nonce;
            flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
            EXPECT_EQ(judged(flipped, start), Verdict::Foreign) << i << ' ' << bit;
        }
        EXPECT_EQ(judged(nonce.substr(0, i), start), Verdict::Foreign);
    }
    EXPECT_EQ(judged(nonce + "A", start), Verdict::Foreign);
    EXPECT_EQ(judged(std::string(763, 'A'), start), Verdict::Foreign);
    EXPECT_EQ(judged({}, start), Verdict::Foreign);
}

// One that could be over before its first use would loop with 438 for ever.
TEST_F(Nonce, LivesAtLeastTwoSeconds) {
    const Nonces brief{secret('k'), 0s};
    const Nonces::Text text = brief.make(tuple, "turnpike", start + 999ms);
    EXPECT_EQ(brief.judge({text.data(), text.size()}, tuple, "turnpike", start + 1s), Verdict::Fresh);
    EXPECT_EQ(brief.judge({text.data(), text.size()}, tuple, "turnpike", start + 2s), Verdict::Old);
}

TEST_F(Nonce, IsOfCharactersThatANonceMayHave) {
    for (int i = 0; i < 500; ++i) {
        for (const char c : made(start + Seconds{i * 7919})) {
            EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') << c;
        }
    }
}

}  // namespace
}  // namespace turnpike::test
