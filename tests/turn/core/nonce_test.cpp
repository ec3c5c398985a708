#include "turn/core/nonce.hpp"

#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::Nonces;
using core::SecurityFeatures;
using Sha256 = core::Config::Sha256;
using Verdict = Nonces::Verdict;

class Nonce : public ::testing::Test {
protected:
    static Secret secret(char fill) { return Secret{std::string(32, fill)}; }
    std::string made(WallTime when, SecurityFeatures features = {true, false}) const {
        return std::string{nonces.make(tuple, "turnpike", when, features).view()};
    }
    Verdict judged(std::string_view nonce, WallTime when) const {
        return nonces.judge(nonce, tuple, "turnpike", when).verdict;
    }

    Nonces nonces{secret('k'), 600s, Sha256::Offer};
    FiveTuple tuple{at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    WallTime start = from_unix_seconds(1'700'000'000);
};

TEST_F(Nonce, IsFreshUntilItsLifetimeIsOver) {
    const std::string nonce = made(start);
    EXPECT_EQ(nonce.size(), 28U);
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
        return nonces.judge(nonce, other, "turnpike", start).verdict;
    };
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.port = 40001; }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.address = ip("192.0.2.2"); }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.client.address = ip("c000:201::"); }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.transport = Transport::Tcp; }), Verdict::Foreign);
    EXPECT_EQ(elsewhere([](FiveTuple& t) { t.server.address = ip("192.0.2.101"); }), Verdict::Fresh);  // any node
    EXPECT_EQ(nonces.judge(nonce, tuple, "turnpikf", start).verdict, Verdict::Foreign);
    EXPECT_EQ((Nonces{secret('j'), 600s, Sha256::Offer}.judge(nonce, tuple, "turnpike", start).verdict), Verdict::Foreign);
    EXPECT_EQ((Nonces{secret('k'), 600s, Sha256::Offer}.judge(nonce, tuple, "turnpike", start).verdict), Verdict::Fresh);
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
    const Nonces brief{secret('k'), 0s, Sha256::Off};
    const Nonces::Text text = brief.make(tuple, "turnpike", start + 999ms, {});
    EXPECT_EQ(brief.judge(text.view(), tuple, "turnpike", start + 1s).verdict, Verdict::Fresh);
    EXPECT_EQ(brief.judge(text.view(), tuple, "turnpike", start + 2s).verdict, Verdict::Old);
}

// RFC 8489 §9.2 and §18.1: bit 0 is the leftmost of the 24.
TEST_F(Nonce, HasTheCookieOfItsFeatures) {
    EXPECT_EQ(made(start, {}).size(), 15U);
    EXPECT_TRUE(made(start, {true, false}).starts_with("obMatJos2gAAA"));
    EXPECT_TRUE(made(start, {false, true}).starts_with("obMatJos2QAAA"));
    EXPECT_TRUE(made(start, {true, true}).starts_with("obMatJos2wAAA"));
    for (const SecurityFeatures features :
         {SecurityFeatures{}, SecurityFeatures{true, false}, SecurityFeatures{false, true}, SecurityFeatures{true, true}}) {
        EXPECT_EQ(nonces.judge(made(start, features), tuple, "turnpike", start).features, features);
    }
}

// T24, bid-down: nobody on the way can take a feature away, or the whole cookie, or add one.
TEST_F(Nonce, ProvesItsFeatures) {
    const std::string proof = made(start, {true, true}).substr(Nonces::kCookieSize);
    for (const std::string_view cookie : {"", "obMatJos2gAAA", "obMatJos2QAAA", "obMatJos2AAAA", "obMatJos2wAAB"}) {
        EXPECT_EQ(judged(std::string{cookie} + proof, start), Verdict::Foreign) << cookie;
    }
    EXPECT_EQ(judged("obMatJos2wAAA" + proof, start), Verdict::Fresh);
    const std::string plain = made(start, {});
    EXPECT_EQ(judged("obMatJos2gAAA" + plain, start), Verdict::Foreign);
}

// What PASSWORD-ALGORITHMS said is part of it: another list is another nonce, without any memory.
TEST_F(Nonce, ProvesTheAlgorithmsThatWereOffered) {
    const Nonces strict{secret('k'), 600s, Sha256::Require};
    const auto verdict = [&](SecurityFeatures features) {
        return strict.judge(made(start, features), tuple, "turnpike", start).verdict;
    };
    EXPECT_EQ(verdict({true, false}), Verdict::Foreign);
    EXPECT_EQ(verdict({false, true}), Verdict::Fresh);  // none were offered with it
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
